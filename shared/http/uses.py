"""What keys are used for: noted in memory at once, written to the database a moment later."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from threading import Event, Lock
from typing import Any

import structlog

from shared.http.keys import Principal

_log: Any = structlog.get_logger()
_MOST_WAITING = 10_000
_BATCH = 200
_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One request made with a known key; `is_deed`: the audit shall tell of it."""

    principal: Principal
    method: str
    route: str
    status: int
    at: datetime
    is_deed: bool

    @property
    def subject(self) -> str:
        return f"{self.method} {self.route}"[:128]


Write = Callable[[Sequence[Use]], None]


class Uses:
    """Collects uses of keys for one service.

    Reading only leaves a note: the first of a day for the audit, the first of a minute for "last
    used". What may have changed something is written before it is answered; where the database
    does not take it, it waits like the rest (the change has its own word in the audit already).
    """

    def __init__(self, write: Write, now: Callable[[], datetime]) -> None:
        self._write = write
        self._now = now
        self._turn = Lock()
        self._waiting: deque[Use] = deque()
        self._minutes: dict[str, datetime] = {}
        self._days: dict[str, date] = {}

    def note(self, principal: Principal, method: str, route: str, status: int) -> None:
        """Remember a request that changed nothing; never waits for the database."""
        now = self._now()
        name = principal.key_id or principal.name
        minute = now.replace(second=0, microsecond=0)
        is_deed = status == 403 or self._days.get(name) != now.date()
        if not is_deed and self._minutes.get(name) == minute:
            return
        self._days[name] = now.date()
        self._minutes[name] = minute
        use = Use(
            principal=principal, method=method, route=route, status=status, at=now, is_deed=is_deed
        )
        self._wait_with([use])

    def tell(self, principal: Principal, method: str, route: str, status: int) -> None:
        """Write a request that may have changed something; returns when that is durable, or kept.

        A second attempt is made in the background where the database does not answer.
        """
        now = self._now()
        self._days[principal.key_id or principal.name] = now.date()
        use = Use(
            principal=principal, method=method, route=route, status=status, at=now, is_deed=True
        )
        try:
            self._write([use])
        except Exception as error:  # noqa: BLE001 - the deed is done; its trace must not be lost
            _log.warning("key_use.waits", error=type(error).__name__)
            self._wait_with([use])

    def flush(self) -> None:
        """Write what waits.

        Raises:
            Exception: whatever the database says; nothing is forgotten then.
        """
        while batch := self._take():
            try:
                self._write(batch)
            except Exception:
                with self._turn:
                    self._waiting.extendleft(reversed(batch))
                raise

    def run(self, stop: Event) -> None:
        """Write what waits every second, and once more at the end."""
        while not stop.wait(_PAUSE_SECONDS):
            self._try()
        self._try()

    def _try(self) -> None:
        try:
            self.flush()
        except Exception as error:  # noqa: BLE001 - the next attempt is a second away
            _log.warning("key_use.waits", error=type(error).__name__)

    def _wait_with(self, uses: Sequence[Use]) -> None:
        with self._turn:
            self._waiting.extend(uses)
            lost = len(self._waiting) - _MOST_WAITING
            for _ in range(lost):
                self._waiting.popleft()
        if lost > 0:
            _log.error("key_use.lost", number=lost)

    def _take(self) -> list[Use]:
        with self._turn:
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), _BATCH))]

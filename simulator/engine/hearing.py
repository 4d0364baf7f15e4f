"""Who is told of changes: in order, and never while the exchange's lock is held."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Lock

import structlog

from simulator.engine.model import OrderChanged

_log = structlog.get_logger()

Hear = Callable[[OrderChanged], None]


@dataclass(slots=True)
class Hearers:
    """`enter`, `leave` and `post` are called under the exchange's lock, `deliver` without it."""

    _hearers: list[tuple[str, Hear]] = field(default_factory=list[tuple[str, Hear]])
    _undelivered: deque[tuple[Hear, OrderChanged]] = field(
        default_factory=deque[tuple[Hear, OrderChanged]]
    )
    _delivering: Lock = field(default_factory=Lock)

    def enter(self, account: str, hear: Hear) -> tuple[str, Hear]:
        hearer = (account, hear)
        self._hearers.append(hearer)
        return hearer

    def leave(self, hearer: tuple[str, Hear]) -> None:
        if hearer in self._hearers:
            self._hearers.remove(hearer)

    def post(self, changes: Iterable[OrderChanged]) -> None:
        for changed in changes:
            account = changed.order.asked.account
            hearers = [hear for name, hear in self._hearers if name == account]
            self._undelivered.extend((hear, changed) for hear in hearers)

    def deliver(self) -> None:
        """Tell everything there is; a second thread, or a hearer that acts, leaves it to us."""
        while self._undelivered and self._delivering.acquire(blocking=False):
            try:
                while self._undelivered:
                    hear, changed = self._undelivered.popleft()
                    _tell(hear, changed)
            finally:
                self._delivering.release()


def _tell(hear: Hear, changed: OrderChanged) -> None:
    try:
        hear(changed)
    except Exception:  # noqa: BLE001 - a stream that fails must not take the exchange with it
        _log.exception("simulator.hearer_failed", venue_order_id=changed.order.venue_order_id)

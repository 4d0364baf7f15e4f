"""Time is an argument; these are the only places it comes from."""

from datetime import UTC, datetime
from threading import Lock
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    def now(self) -> datetime: ...

    def observe(self, instant: datetime) -> None:
        """Hear from a fact that `instant` has been reached; a clock of its own ignores it."""
        ...


class SystemClock:
    """The time of the machine: paper and live."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def observe(self, instant: datetime) -> None:
        del instant


class FollowingClock:
    """The time of the candles: on wall time a replay would see every approval born expired."""

    def __init__(self, start: datetime = EPOCH) -> None:
        self._now = start
        self._turn = Lock()

    def now(self) -> datetime:
        return self._now

    def observe(self, instant: datetime) -> None:
        with self._turn:  # many threads hear facts, and time never goes back
            self._now = max(self._now, instant)

"""The exchange's time: a clock that a fault may move, or one that only a test moves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock

from shared.domain.clock import Clock


@dataclass(slots=True)
class ManualClock:
    """Stands still until it is told to go on."""

    instant: datetime = datetime(2026, 1, 5, 12, tzinfo=UTC)
    _lock: Lock = field(default_factory=Lock)

    def now(self) -> datetime:
        return self.instant

    def observe(self, instant: datetime) -> None:
        del instant

    def go_on(self, by: timedelta) -> None:
        with self._lock:
            self.instant += by


@dataclass(slots=True)
class SkewedClock:
    """Another clock plus `offset`."""

    base: Clock
    offset: timedelta = timedelta(0)

    def now(self) -> datetime:
        return self.base.now() + self.offset

    def observe(self, instant: datetime) -> None:
        self.base.observe(instant)

"""Rate limits as venues keep them: so many units in each fixed window, by key or address."""

from dataclasses import dataclass, field
from threading import Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A meter after a request: `is_exceeded` if the request must be refused."""

    used: int
    limit: int
    reset_seconds: float
    is_exceeded: bool

    @property
    def remaining(self) -> int:
        return max(self.limit - self.used, 0)


@dataclass(slots=True, kw_only=True)
class Meter:
    """`limit` units per `seconds`; `now` is seconds since the epoch."""

    limit: int
    seconds: float
    _used: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    _lock: Lock = field(default_factory=Lock)

    def spend(self, who: str, units: int, now: float) -> Use:
        number = int(now // self.seconds)
        with self._lock:
            for old in [key for key in self._used if key[1] < number]:
                del self._used[old]
            used = self._used[who, number] = self._used.get((who, number), 0) + units
        return Use(
            used=used,
            limit=self.limit,
            reset_seconds=self.seconds - now % self.seconds,
            is_exceeded=used > self.limit,
        )

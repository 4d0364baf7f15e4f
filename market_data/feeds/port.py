"""What every source of candles offers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.candle import Candle


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedInstant:
    """All candles that closed at one instant, by symbol; an instrument without one is absent."""

    closed_at: datetime
    candles: tuple[Candle, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """There is nothing yet: ask again after so many seconds. `why` where that is a trouble."""

    seconds: float
    why: str | None = None


class Feed(Protocol):
    @property
    def name(self) -> str: ...

    def instants(self, after: datetime | None) -> Iterator[ClosedInstant | Later]:
        """Yield every instant later than `after`, oldest first; never waits itself."""
        ...

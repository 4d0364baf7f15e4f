"""Facts about markets: candles, best prices, and what is believed of them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from shared.domain.candle import Candle
from shared.domain.enums import (
    Interval,
)
from shared.domain.ids import AccountId, Symbol
from shared.domain.signal import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class CandlesClosed:
    """One shard (at most 50 instruments) of candles that closed together.

    `references` holds the candles the shard's instruments are measured against.
    """

    topic: ClassVar[str] = "candles.closed"
    venue: str
    interval: Interval
    closed_at: datetime
    shard: int
    candles: tuple[Candle, ...]
    references: tuple[Candle, ...]

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.venue, self.interval, self.closed_at.isoformat(), str(self.shard))

    @property
    def stream(self) -> str:
        """What is heard in order and can be read back: one shard of one venue and interval."""
        return f"{self.venue}:{self.interval}:{self.shard}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenQuote:
    symbol: Symbol
    bid: Decimal
    ask: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotesSeen:
    """The best prices of a venue's instruments at one instant, every few seconds."""

    topic: ClassVar[str] = "quotes.seen"
    account: AccountId
    venue: str
    seen_at: datetime
    quotes: tuple[SeenQuote, ...]

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.venue, self.seen_at.isoformat())

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalsGenerated:
    """The signals of one source for one shard of candles."""

    topic: ClassVar[str] = "signal.generated"
    source: str
    venue: str
    interval: Interval
    closed_at: datetime
    shard: int
    signals: tuple[Signal, ...]

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.source, self.venue, self.interval, self.closed_at.isoformat(), str(self.shard))

    @property
    def stream(self) -> str:
        return f"{self.source}:{self.venue}:{self.interval}:{self.shard}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalsAggregated:
    """One combined signal for each instrument of a shard."""

    topic: ClassVar[str] = "signal.aggregated"
    venue: str
    interval: Interval
    closed_at: datetime
    shard: int
    signals: tuple[Signal, ...]

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.venue, self.interval, self.closed_at.isoformat(), str(self.shard))

    @property
    def stream(self) -> str:
        return f"{self.venue}:{self.interval}:{self.shard}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPromoted:
    topic: ClassVar[str] = "model.promoted"
    scope: str
    release_id: str
    role: str
    promoted_at: datetime

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.scope, self.release_id, self.role, self.promoted_at.isoformat())

    @property
    def stream(self) -> str:
        return self.scope

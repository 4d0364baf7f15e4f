"""The market as risk knows it: last trades, best prices, and how instruments move."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from shared.domain.ids import Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The best prices at the venue, as last seen."""

    bid: Decimal
    ask: Decimal
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One instrument; `price` is the close of its last candle, `traded_at` when that closed.

    `volatility_ratio`: recent over usual volatility, None while too little is known.
    `quote`: None where nobody tells of best prices, as in mock.
    """

    symbol: Symbol
    price: Decimal
    traded_at: datetime
    volatility_ratio: float | None = None
    quote: Quote | None = None


def _none() -> Mapping[Symbol, Market]:
    return {}


def _no_correlations() -> Mapping[frozenset[Symbol], float]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Markets:
    """Every instrument that is traded here, and the correlation of each pair that is known.

    `needs_quotes`: entries wait for best prices; so it is wherever a venue has them to tell.
    """

    by_symbol: Mapping[Symbol, Market] = field(default_factory=_none)
    correlations: Mapping[frozenset[Symbol], float] = field(default_factory=_no_correlations)
    needs_quotes: bool = False


NO_MARKETS = Markets()

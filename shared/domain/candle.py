"""One period of OHLCV, closed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from shared.domain.ids import Symbol

SHARD_SIZE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """Prices in quote per base, volume in base; `is_filled` marks one made to bridge a gap."""

    symbol: Symbol
    open_at: datetime
    closed_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    is_filled: bool = False


def shards(symbols: Sequence[Symbol], size: int = SHARD_SIZE) -> Iterator[tuple[Symbol, ...]]:
    """Yield the instruments in groups that travel in one fact; a replay groups them alike."""
    ordered = sorted(symbols)
    for start in range(0, len(ordered), size):
        yield tuple(ordered[start : start + size])


@lru_cache(maxsize=8)
def references_of(symbols: tuple[Symbol, ...]) -> Mapping[Symbol, Symbol]:
    """Return the reference of each of the instruments that are traded together."""
    return {symbol: reference_of(symbol, symbols) for symbol in symbols}


def reference_of(symbol: Symbol, symbols: Sequence[Symbol]) -> Symbol:
    """Return the instrument whose market `symbol` is measured against: BTC, and ETH for BTC itself.

    Where neither is traded the first other instrument serves; a lone one is its own reference.
    """
    ordered = sorted(symbols)
    preferred = ("ETH-",) if symbol.startswith("BTC-") else ("BTC-", "ETH-")
    for prefix in preferred:
        for candidate in ordered:
            if candidate.startswith(prefix) and candidate != symbol:
                return candidate
    return next((candidate for candidate in ordered if candidate != symbol), symbol)

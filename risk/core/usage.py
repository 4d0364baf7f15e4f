"""How much of each cap the account uses: held, promised, and still to be bought by others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeVar

from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.domain.instrument import split_symbol
from shared.domain.values import MONEY, ZERO

Key = TypeVar("Key", str, Symbol)


class Scope(StrEnum):
    TOTAL = "total"
    ASSET = "asset"
    SYMBOL = "symbol"
    SOURCE = "source"
    CLUSTER = "cluster"
    VENUE = "venue"
    DAY_LOSS = "day_loss"
    ORDERS_PER_MINUTE = "orders_per_minute"
    TRADES_PER_DAY = "trades_per_day"


class Use(NamedTuple):
    """Quote that is held, promised, and that orders which are not ours may still spend."""

    position: Decimal = ZERO
    reserved: Decimal = ZERO
    external: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return MONEY.add(MONEY.add(self.position, self.reserved), self.external)

    def plus(self, other: "Use") -> "Use":
        return Use(*map(MONEY.add, self, other))


NO_USE = Use()
NOWHERE = ""  # the venue of an instrument that is not traded here


class Part(NamedTuple):
    """One holding, promise or order that is not ours; `source` is empty where nobody knows."""

    symbol: Symbol
    source: str
    use: Use


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The use of every asset, instrument, source and venue, and of the account as a whole.

    `venues`: where each instrument is traded.
    """

    venues: Mapping[Symbol, str]
    total: Use = NO_USE
    assets: Mapping[str, Use] = field(default_factory=dict[str, Use])
    symbols: Mapping[Symbol, Use] = field(default_factory=dict[Symbol, Use])
    sources: Mapping[str, Use] = field(default_factory=dict[str, Use])
    by_venue: Mapping[str, Use] = field(default_factory=dict[str, Use])

    def plus(self, part: Part) -> "Usage":
        """Return the usage with one more part."""
        symbol, source, use = part
        return Usage(
            venues=self.venues,
            total=self.total.plus(use),
            assets=_added(self.assets, asset_of(symbol), use),
            symbols=_added(self.symbols, symbol, use),
            sources=_added(self.sources, source, use) if source else self.sources,
            by_venue=_added(self.by_venue, self.venues.get(symbol, NOWHERE), use),
        )

    def at_venue(self, venue: str) -> Use:
        """Return what is used at a venue; what nobody knows the venue of counts at each."""
        here = self.by_venue.get(venue, NO_USE)
        return here.plus(self.by_venue.get(NOWHERE, NO_USE))

    def together(self, symbols: Iterable[Symbol]) -> Use:
        result = NO_USE
        for symbol in symbols:
            result = result.plus(self.symbols.get(symbol, NO_USE))
        return result


def usage_of(parts: Iterable[Part], venues: Mapping[Symbol, str]) -> Usage:
    """Return the use of every scope by these parts."""
    symbols: dict[Symbol, Use] = {}
    sources: dict[str, Use] = {}
    for symbol, source, use in parts:
        symbols[symbol] = symbols[symbol].plus(use) if symbol in symbols else use
        if source:
            sources[source] = sources.get(source, NO_USE).plus(use)
    total = NO_USE
    assets: dict[str, Use] = {}
    by_venue: dict[str, Use] = {}
    for symbol, use in symbols.items():
        total = total.plus(use)
        asset, venue = asset_of(symbol), venues.get(symbol, NOWHERE)
        assets[asset] = assets.get(asset, NO_USE).plus(use)
        by_venue[venue] = by_venue.get(venue, NO_USE).plus(use)
    return Usage(
        venues=venues,
        total=total,
        assets=assets,
        symbols=symbols,
        sources=sources,
        by_venue=by_venue,
    )


def asset_of(symbol: Symbol) -> str:
    """Return the base asset; an order that is not ours may name an instrument in any way."""
    try:
        return split_symbol(symbol)[0]
    except BadInput:
        return symbol


def _added(known: Mapping[Key, Use], key: Key, use: Use) -> Mapping[Key, Use]:
    before = known.get(key)
    return {**known, key: use if before is None else before.plus(use)}

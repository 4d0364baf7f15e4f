"""What can still be taken from the books: what somebody took is gone until the book is new."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from shared.domain.enums import Side
from shared.domain.ids import Symbol
from shared.domain.values import ZERO, floor_to
from simulator.engine.model import Depth
from simulator.market import Market

Levels = tuple[tuple[Decimal, Decimal], ...]

_ONE = Decimal(1)


@dataclass(slots=True)
class _Taken:
    epoch: tuple[int, int] = (0, 0)
    by_price: dict[tuple[Side, Decimal], Decimal] = field(
        default_factory=dict[tuple[Side, Decimal], Decimal]
    )


@dataclass(slots=True)
class Books:
    """Not safe for threads: the exchange's lock guards it."""

    markets: Mapping[Symbol, Market]
    _taken: dict[Symbol, _Taken] = field(default_factory=dict[Symbol, _Taken])

    def depth(self, symbol: Symbol, at: datetime) -> Depth:
        taken, depth = self._taken_of(symbol, at), self.markets[symbol].depth(at)
        return Depth(
            bids=_left(depth.bids, taken, Side.SELL),
            asks=_left(depth.asks, taken, Side.BUY),
            at=at,
        )

    def opposite(self, symbol: Symbol, side: Side, at: datetime) -> Levels:
        """Return what an order of this side can match, best price first."""
        depth = self.depth(symbol, at)
        return depth.asks if side is Side.BUY else depth.bids

    def take(
        self, symbol: Symbol, side: Side, at: datetime, level: tuple[Decimal, Decimal]
    ) -> None:
        price, quantity = level
        taken = self._taken_of(symbol, at).by_price
        taken[side, price] = taken.get((side, price), ZERO) + quantity

    def _taken_of(self, symbol: Symbol, at: datetime) -> _Taken:
        taken = self._taken.setdefault(symbol, _Taken())
        epoch = self.markets[symbol].epoch(at)
        if epoch != taken.epoch:
            taken.epoch = epoch
            taken.by_price.clear()
        return taken


def _left(levels: Levels, taken: _Taken, side: Side) -> Levels:
    rest = (
        (price, quantity - taken.by_price.get((side, price), ZERO)) for price, quantity in levels
    )
    return tuple((price, quantity) for price, quantity in rest if quantity > 0)


def is_within(price: Decimal, limit: Decimal | None, side: Side) -> bool:
    """Say whether a price is no worse than the limit of an order of this side."""
    if limit is None:
        return True
    return price <= limit if side is Side.BUY else price >= limit


def for_quantity(levels: Levels, quantity: Decimal) -> Levels:
    """Return what is taken of the levels for a quantity of base, or as much of it as is there."""
    return _walk(levels, quantity, lambda _price, left: left, lambda _price, taken: taken)


def for_quote(levels: Levels, amount: Decimal, fee_ratio: Decimal, lot_size: Decimal) -> Levels:
    """Return what is taken for an amount of quote, fees included, in whole lots."""
    return _walk(
        levels,
        amount,
        lambda price, left: floor_to(left / (price * (_ONE + fee_ratio)), lot_size),
        lambda price, taken: price * taken * (_ONE + fee_ratio),
    )


def _walk(
    levels: Levels,
    amount: Decimal,
    wanted: Callable[[Decimal, Decimal], Decimal],
    worth: Callable[[Decimal, Decimal], Decimal],
) -> Levels:
    found: list[tuple[Decimal, Decimal]] = []
    left = amount
    for price, quantity in levels:
        taken = min(quantity, wanted(price, left))
        if taken <= 0:
            break
        found.append((price, taken))
        left -= worth(price, taken)
    return tuple(found)

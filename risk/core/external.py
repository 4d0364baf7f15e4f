"""What others may still buy on the account: open orders that are not ours."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal

from shared.domain.enums import Side
from shared.domain.errors import BadInput
from shared.domain.events import ExternalOrder
from shared.domain.ids import Symbol
from shared.domain.instrument import split_symbol
from shared.domain.values import MONEY, ZERO, exact

_MOST = Decimal(10) ** 15  # what claims to be worth more has no price, and sums must fit the books

Prices = Mapping[Symbol, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalBuy:
    """`amount`: what is left of it, in the account's quote; None where no price is known."""

    order: ExternalOrder
    amount: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """The buys among the account's orders that are not ours; a sale only makes exposure less."""

    buys: tuple[ExternalBuy, ...] = ()
    total: Decimal = field(init=False, compare=False)
    """Of those whose price is known."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", _sum(self.buys))

    def amount(self, symbol: Symbol) -> Decimal:
        if not self.buys:
            return ZERO
        return _sum(one for one in self.buys if one.order.symbol == symbol)

    @property
    def symbols(self) -> AbstractSet[Symbol]:
        return {one.order.symbol for one in self.buys}

    @property
    def unpriced(self) -> tuple[ExternalOrder, ...]:
        return tuple(one.order for one in self.buys if one.amount is None)


def value_external(orders: Iterable[ExternalOrder], prices: Prices, quote: str) -> External:
    """Return what these orders may still spend, given the last known prices in `quote`."""
    buys = [
        ExternalBuy(order=one, amount=_amount(one, prices, quote))
        for one in sorted(orders, key=lambda one: (one.symbol, one.venue_order_id))
        if one.side is Side.BUY
    ]
    return External(buys=tuple(buys))


def _amount(order: ExternalOrder, prices: Prices, quote: str) -> Decimal | None:
    price = _price(order, prices, quote)
    if price is None:
        return None
    try:
        amount = exact(MONEY.multiply(max(order.remaining, ZERO), price))
    except BadInput:
        return None
    return amount if amount <= _MOST else None


def _price(order: ExternalOrder, prices: Prices, quote: str) -> Decimal | None:
    """Return what one unit may cost in `quote`: at the limit, or at the last known price."""
    try:
        base, paid_in = split_symbol(order.symbol)
    except BadInput:
        return None
    limit = order.limit_price if order.limit_price and order.limit_price > ZERO else None
    if paid_in == quote:
        return limit or _known(prices, base, quote)
    rate = _known(prices, paid_in, quote)
    if limit is not None and rate is not None:
        return MONEY.multiply(limit, rate)
    return _known(prices, base, quote)


def _known(prices: Prices, base: str, quote: str) -> Decimal | None:
    return prices.get(Symbol(f"{base}-{quote}")) or None


def _sum(buys: Iterable[ExternalBuy]) -> Decimal:
    result = ZERO
    for one in buys:
        result = MONEY.add(result, one.amount or ZERO)
    return exact(result)


NOTHING_EXTERNAL = External()

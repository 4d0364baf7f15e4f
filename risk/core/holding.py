"""What is held of one instrument, and what a fill or portfolio's word makes of it."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from risk.core.funds import ONE, valued
from shared.domain.enums import Purpose
from shared.domain.events import PositionChanged
from shared.domain.ids import Symbol, TradeId
from shared.domain.order import Fill
from shared.domain.values import MONEY, ZERO, exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """`price` is the last mark, or the fill's own price before the first one, in its own quote.

    `source`: who believed in the entry that bought last. `rate`: what one unit of the quote is
    worth in the currency of the account, as `notional` is.
    """

    symbol: Symbol
    quantity: Decimal
    price: Decimal
    trade_id: TradeId | None = None
    source: str = ""
    rate: Decimal = ONE
    notional: Decimal = field(init=False, compare=False)

    def __post_init__(self) -> None:
        amount = exact(MONEY.multiply(self.quantity, self.price))
        object.__setattr__(self, "notional", valued(amount, self.rate))


def filled(held: Holding | None, fill: Fill, source: str = "") -> Holding:
    """Return the holding after a fill, valued at the fill's price until the next mark.

    `source`: who believed in the order; a sale changes nothing about who believes in what is left.
    """
    before = ZERO if held is None else held.quantity
    believed = held.source if held is not None and before > ZERO else ""
    return Holding(
        symbol=fill.symbol,
        quantity=max(before + fill.side.sign * fill.quantity - fill.base_fee, ZERO),
        price=fill.price,
        trade_id=fill.trade_id,
        source=source or believed if fill.purpose is Purpose.ENTRY else believed,
    )


def moved(held: Holding | None, fact: PositionChanged) -> Holding | None:
    """Return the holding as portfolio tells of it, None where that changes nothing.

    After a fill its figure counts only for the last one heard of; a movement always adds.
    """
    if fact.moved is not None:
        before = held or Holding(symbol=fact.symbol, quantity=ZERO, price=fact.average_cost)
        return replace(before, quantity=max(before.quantity + fact.moved, ZERO))
    if held is None or held.trade_id != fact.trade_id or held.quantity == fact.quantity:
        return None
    return replace(held, quantity=fact.quantity)

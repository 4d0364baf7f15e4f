"""What is left of each entry: bought by its fills, sold by whatever leaves."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from executor.core.order import Order
from shared.domain.bracket import Bracket, anchor
from shared.domain.ids import ClientOrderId


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What is left of one entry; `anchor_price` is the market at its first fill, unslipped.

    `bracket` follows from the two: it is looked at on every candle, and the same on each.
    """

    entry: Order
    quantity: Decimal
    anchor_price: Decimal
    bracket: Bracket | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bracket", _bracket(self.entry, self.anchor_price))


def _bracket(entry: Order, anchor_price: Decimal) -> Bracket | None:
    if entry.bracket is None or entry.horizon_at is None:
        return None
    return anchor(entry.bracket, anchor_price, entry.horizon_at)


Holdings = dict[ClientOrderId, Holding]


def bought(
    holdings: Mapping[ClientOrderId, Holding], entry: Order, quantity: Decimal, price: Decimal
) -> Holdings:
    """Return the holdings after `entry` bought more; its bracket hangs on the first price."""
    known = holdings.get(entry.client_order_id)
    holding = (
        Holding(entry=entry, quantity=quantity, anchor_price=price)
        if known is None
        else replace(known, quantity=known.quantity + quantity)
    )
    return {**holdings, entry.client_order_id: holding}


def sold(
    holdings: Mapping[ClientOrderId, Holding], quantity: Decimal, parent: ClientOrderId | None
) -> tuple[Holdings, Decimal]:
    """Return the holdings after a sale, its own entry's first, and what none of them had.

    What has no bracket goes last: it was bought to be kept, and a horizon ends the others.
    """
    left: Holdings = dict(holdings)
    in_turn = sorted(
        holdings.values(),
        key=lambda one: (one.entry.client_order_id != parent, one.bracket is None),
    )
    for holding in in_turn:
        gone = min(quantity, holding.quantity)
        quantity -= gone
        if gone == holding.quantity:
            del left[holding.entry.client_order_id]
        elif gone:
            rest = replace(holding, quantity=holding.quantity - gone)
            left[holding.entry.client_order_id] = rest
    return left, quantity

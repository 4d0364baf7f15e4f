"""What an approved order may still cost, from its approval to the end of its order."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from risk.core.funds import ONE, valued
from risk.core.limits import Costs
from shared.domain.bracket import BracketPlan
from shared.domain.enums import OrderStatus, Purpose
from shared.domain.ids import DecisionId, Symbol
from shared.domain.order import OrderSnapshot, progress
from shared.domain.values import MONEY, ZERO, exact, to_decimal
from shared.domain.verdict import Approved

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What one approved order may still cost at worst; an exit promises nothing.

    `unit_cost`, `unit_loss`: what one unit costs at worst, and what of it is gone at the stop.
    `status`: how its order stood by the latest fact heard, None before the first.
    `source`: who believed in it.
    `amount`: the quote that is still set aside, an upper bound of what will be spent; `loss`: what
    of that would be lost at the stop.
    """

    decision_id: DecisionId
    symbol: Symbol
    purpose: Purpose
    quantity: Decimal
    filled_quantity: Decimal
    unit_cost: Decimal
    unit_loss: Decimal = ZERO
    source: str = ""
    status: OrderStatus | None = None
    is_held: bool = field(init=False, compare=False)
    amount: Decimal = field(init=False, compare=False)
    loss: Decimal = field(init=False, compare=False)

    def __post_init__(self) -> None:
        is_held = self.status is None or not self.status.is_terminal
        is_spending = is_held and self.purpose is Purpose.ENTRY
        left = max(self.quantity - self.filled_quantity, ZERO) if is_spending else ZERO
        # what follows from the others is worked out once: a group of hundreds reads it often
        object.__setattr__(self, "is_held", is_held)
        object.__setattr__(self, "amount", exact(MONEY.multiply(left, self.unit_cost)))
        object.__setattr__(self, "loss", exact(MONEY.multiply(left, self.unit_loss)))


def unit_terms(
    price: Decimal, bracket: BracketPlan | None, costs: Costs, rate: Decimal = ONE
) -> tuple[Decimal, Decimal]:
    """Return what a unit bought at `price` costs, and what of that is lost at its stop.

    Both in the currency of the account, of which one unit of the price's is worth `rate`. The stop
    hangs on the price that was paid; leaving there slips and is charged as any sale is. Without a
    bracket there is no stop: what counts is the cost of leaving at once.
    """
    price = valued(price, rate)
    stop = ZERO if bracket is None else to_decimal(bracket.stop_ratio)
    cost = exact(MONEY.multiply(price, costs.fee_factor))
    kept = (_ONE - stop) * costs.proceeds_factor
    return cost, max(exact(MONEY.subtract(cost, MONEY.multiply(price, kept))), ZERO)


def reservation(approved: Approved, costs: Costs) -> Reservation:
    """Return what an approved entry sets aside: each unit at its limit price, and the fee on it."""
    unit_cost, unit_loss = ZERO, ZERO
    if approved.purpose is Purpose.ENTRY:
        rate = approved.sizing.quote_rate
        unit_cost, unit_loss = unit_terms(approved.limit_price, approved.bracket, costs, rate)
    return Reservation(
        decision_id=approved.decision_id,
        symbol=approved.symbol,
        purpose=approved.purpose,
        quantity=approved.quantity,
        filled_quantity=ZERO,
        unit_cost=unit_cost,
        unit_loss=unit_loss,
        source=approved.source,
    )


def adopted(order: OrderSnapshot, costs: Costs, rate: Decimal = ONE) -> Reservation | None:
    """Return what an entry of ours sets aside that no approval is known of, None for an exit.

    Only the venue knew it, so it is as real as any other; its quote is worth `rate`.
    """
    if order.purpose is not Purpose.ENTRY:
        return None
    price = order.limit_price or order.price
    unit_cost, unit_loss = unit_terms(price, order.bracket, costs, rate)
    return Reservation(
        decision_id=order.decision_id,
        symbol=order.symbol,
        purpose=order.purpose,
        quantity=order.quantity,
        filled_quantity=ZERO,
        unit_cost=unit_cost,
        unit_loss=unit_loss,
        source=order.source,
    )


def follow(promised: Reservation, order: OrderSnapshot) -> Reservation:
    """Return the reservation after one more fact about its order, in whatever order facts arrive.

    Only an order that has ended, with all its fills known, gives back what it did not use; one that
    was taken for absent and returns is promised again.
    """
    if order.purpose is not promised.purpose:  # the bracket's exit carries its entry's decision
        return promised
    known = promised.status
    if known is not None and order.progress <= progress(known, promised.filled_quantity):
        return promised
    return replace(promised, filled_quantity=order.filled_quantity, status=order.status)


def lapse(promised: Reservation) -> Reservation:
    """Return the reservation of an approval that no order was made of, nor will be."""
    if promised.status is not None:
        return promised
    return replace(promised, status=OrderStatus.NOT_SENT)

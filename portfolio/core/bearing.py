"""What of a booking a position can bear: a sale of what nobody had, and what explains it later."""

from decimal import Decimal
from typing import NamedTuple

from portfolio.core.booking import Booking
from portfolio.core.flow import Flow, divide, flow_of_booking
from portfolio.core.position import Position, apply, explain, sold_unheld
from shared.domain.values import MONEY, ZERO


class Borne(NamedTuple):
    """The flows of one booking that its position can bear, one after the other.

    `unexplained` is what of a sale nobody had, negative what was explained of earlier ones.
    """

    flows: tuple[Flow, ...]
    position: Position
    unexplained: Decimal


def bear(held: Position, booking: Booking) -> Borne:
    """Return what of a booking a position can bear, and the position after it."""
    at, flow = booking.booked_at, _flow_at(held, booking)
    if MONEY.add(held.quantity, flow.base) >= 0:
        after = apply(held, flow, at)
        explained = _explained(after, booking, flow)
        if not explained:
            return Borne((flow,), after, ZERO)
        left, sale = explain(after, explained)
        return Borne((flow, sale), apply(left, sale, at), MONEY.minus(explained))
    if not held.quantity:
        return Borne((), sold_unheld(held, flow, at), MONEY.minus(flow.base))
    within, beyond = divide(flow, MONEY.minus(held.quantity))
    after = sold_unheld(apply(held, within, at), beyond, at)
    return Borne((within,), after, MONEY.minus(beyond.base))


def _flow_at(position: Position, booking: Booking) -> Flow:
    """Return the flow of a booking; what only leaves takes its cost along and earns nothing."""
    flow = flow_of_booking(booking)
    if booking.kind.is_trade or flow.base >= 0:
        return flow
    gone = min(MONEY.minus(flow.base), position.quantity)
    cost = position.cost_of(gone) if gone else ZERO
    return Flow(base=flow.base, quote=cost, notional=ZERO, fee_quote=ZERO)


def _explained(position: Position, booking: Booking, flow: Flow) -> Decimal:
    """Return how much of what nobody had this booking explains."""
    if not position.unexplained or flow.base <= 0:
        return ZERO
    sold_at = position.last_sold_at
    is_late = sold_at is not None and booking.booked_at <= sold_at
    return min(position.unexplained, flow.base) if booking.is_external or is_late else ZERO

"""What can happen to an order, one thing at a time; each step carries what was learned by it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from executor.core.order import Order, OrderFacts, OrderState, Trade, merge
from shared.domain.enums import OrderStatus
from shared.domain.ids import VenueOrderId
from shared.domain.order import Fill


class Happening(StrEnum):
    """What can happen to an order, as its events are called."""

    CLAIMED = "claimed"
    NOT_SENT = "not_sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FILLED = "filled"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELED = "canceled"


_IS_CLAIMED = OrderFacts(is_claimed=True)
_IS_REJECTED = OrderFacts(is_rejected=True)
_IS_NOT_SENT = OrderFacts(is_not_sent=True)
_IS_CANCEL_REQUESTED = OrderFacts(is_cancel_requested=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened: `learned` is merged into `state`, which stands after it."""

    happening: Happening
    state: OrderState
    learned: OrderFacts
    at: datetime
    fill: Fill | None = None


def claim(order: Order, at: datetime) -> Step:
    return _step(OrderState(order=order), Happening.CLAIMED, _IS_CLAIMED, at)


def accept(state: OrderState, venue_order_id: VenueOrderId, at: datetime) -> Step:
    learned = OrderFacts(venue_order_ids=frozenset({venue_order_id}))
    return _step(state, Happening.ACCEPTED, learned, at)


def reject(state: OrderState, reason: str, at: datetime) -> Step:
    return _step(state, Happening.REJECTED, _IS_REJECTED, at, detail=reason)


def give_up(state: OrderState, reason: str, at: datetime) -> Step:
    """Close an order of which certainly nothing left for the venue."""
    return _step(state, Happening.NOT_SENT, _IS_NOT_SENT, at, detail=reason)


def request_cancel(state: OrderState, at: datetime) -> Step:
    return _step(state, Happening.CANCEL_REQUESTED, _IS_CANCEL_REQUESTED, at)


def cancel(state: OrderState, reason: str, at: datetime) -> Step:
    learned = OrderFacts(final=OrderStatus.CANCELED, reported_quantity=state.facts.filled_quantity)
    return _step(state, Happening.CANCELED, learned, at, detail=reason)


def stop(state: OrderState, at: datetime) -> Step:
    """Cancel an entry that still waits where entries are no longer allowed."""
    return cancel(state, "entries were stopped", at)


def record_fill(state: OrderState, fill: Fill, at: datetime) -> Step:
    trade = Trade(trade_id=fill.trade_id, quantity=fill.quantity, price=fill.price)
    return _step(state, Happening.FILLED, OrderFacts(trades=frozenset({trade})), at, fill=fill)


def _step(
    state: OrderState,
    happening: Happening,
    learned: OrderFacts,
    at: datetime,
    *,
    detail: str | None = None,
    fill: Fill | None = None,
) -> Step:
    known = OrderState(
        order=state.order,
        facts=merge(state.facts, learned),
        detail=state.detail if detail is None else detail,
    )
    return Step(happening=happening, state=known, learned=learned, at=at, fill=fill)

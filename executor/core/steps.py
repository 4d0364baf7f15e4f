"""What can happen to an order, one thing at a time; each step carries what was learned by it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from executor.core.order import Order, OrderFacts, OrderState, Trade, merge
from shared.domain.enums import OrderStatus
from shared.domain.ids import VenueOrderId
from shared.domain.order import Fill
from shared.domain.venue import OrderReport


class Happening(StrEnum):
    """What can happen to an order, as its events are called."""

    APPROVED = "approved"
    CLAIMED = "claimed"
    NOT_SENT = "not_sent"
    AMBIGUOUS = "ambiguous"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REPORTED = "reported"
    FILLED = "filled"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELED = "canceled"
    ABSENT = "absent"
    CLOSED = "closed"


_NOTHING = OrderFacts()
_IS_CLAIMED = OrderFacts(is_claimed=True)
_IS_AMBIGUOUS = OrderFacts(is_claimed=True, is_ambiguous=True)
_IS_ABSENT = OrderFacts(is_absent=True)
_IS_REJECTED = OrderFacts(is_rejected=True)
_IS_NOT_SENT = OrderFacts(is_not_sent=True)
_IS_CANCEL_REQUESTED = OrderFacts(is_cancel_requested=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened: `learned` is merged into `state`, which stands after it.

    `was` is how the order stood before, None for an order that nobody knew.
    """

    happening: Happening
    was: OrderStatus | None
    state: OrderState
    learned: OrderFacts
    at: datetime
    fill: Fill | None = None


def approve(order: Order, at: datetime) -> Step:
    """Keep an order that is still to be claimed."""
    return _first(order, Happening.APPROVED, _NOTHING, at)


def claim(order: Order, at: datetime) -> Step:
    return _first(order, Happening.CLAIMED, _IS_CLAIMED, at)


def claim_approved(state: OrderState, at: datetime) -> Step:
    return _step(state, Happening.CLAIMED, _IS_CLAIMED, at)


def doubt(state: OrderState, reason: str, at: datetime) -> Step:
    """Say that the venue may or may not have the order."""
    return _step(state, Happening.AMBIGUOUS, _IS_AMBIGUOUS, at, detail=reason)


def conclude_absence(state: OrderState, reason: str, at: datetime) -> Step:
    return _step(state, Happening.ABSENT, _IS_ABSENT, at, detail=reason)


def close(state: OrderState, evidence: str, at: datetime) -> Step:
    """End an order in doubt by a person's word; `evidence` is where they saw it."""
    learned = OrderFacts(is_closed=True)
    return _step(state, Happening.CLOSED, learned, at, detail=f"closed by hand: {evidence}")


def adopt(order: Order, report: OrderReport, at: datetime) -> Step:
    """Take in an order of ours that only the venue knew."""
    return _first(order, Happening.REPORTED, facts_of(report), at)


def report(state: OrderState, said: OrderReport, at: datetime) -> Step:
    return _step(state, Happening.REPORTED, facts_of(said), at)


_LAST_WORDS = {
    OrderStatus.FILLED: OrderStatus.FILLED,
    OrderStatus.CANCELED: OrderStatus.CANCELED,
    OrderStatus.EXPIRED: OrderStatus.EXPIRED,
    # it had an id, so it was there: refused by the engine after all, it ended unfilled
    OrderStatus.REJECTED: OrderStatus.EXPIRED,
}


def facts_of(said: OrderReport) -> OrderFacts:
    """Return what a venue's report adds to what is known of an order."""
    return OrderFacts(
        is_claimed=True,
        venue_order_ids=frozenset({said.venue_order_id}),
        reported_quantity=said.filled_quantity,
        final=_LAST_WORDS.get(said.status),
    )


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


def learn_trade(state: OrderState, fill: Fill, at: datetime) -> Step:
    """Hear of a trade that is booked already: told otherwise now, it contradicts itself."""
    trade = Trade(trade_id=fill.trade_id, quantity=fill.quantity, price=fill.price)
    return _step(state, Happening.REPORTED, OrderFacts(trades=frozenset({trade})), at)


def _step(
    state: OrderState,
    happening: Happening,
    learned: OrderFacts,
    at: datetime,
    *,
    detail: str | None = None,
    fill: Fill | None = None,
) -> Step:
    after = OrderState(
        order=state.order,
        facts=merge(state.facts, learned),
        detail=state.detail if detail is None else detail,
    )
    return Step(
        happening=happening, was=state.status, state=after, learned=learned, at=at, fill=fill
    )


def _first(order: Order, happening: Happening, learned: OrderFacts, at: datetime) -> Step:
    state = OrderState(order=order, facts=learned)
    return Step(happening=happening, was=None, state=state, learned=learned, at=at)


def adds_to(state: OrderState, step: Step) -> bool:
    """Tell whether a step says anything that was not known: what does not is not written down."""
    return step.was is None or step.state.facts != state.facts

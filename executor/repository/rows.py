"""Rows of the tables, made from what the core says and read back as it."""

from typing import Any

from sqlalchemy import Row

from executor.core.holdings import Holding
from executor.core.order import Order
from executor.core.steps import Happening, Step
from shared.bus.codec import from_builtins
from shared.db.statements import as_row
from shared.domain.bracket import BracketPlan
from shared.domain.enums import (
    ExitReason,
    Interval,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
)
from shared.domain.ids import (
    AccountId,
    ClientOrderId,
    DecisionId,
    RecommendationId,
    Symbol,
    derive,
)
from shared.domain.values import ZERO, to_text


def order_of(row: Row[Any]) -> Order:
    return Order(
        client_order_id=ClientOrderId(row.client_order_id),
        decision_id=DecisionId(row.decision_id),
        recommendation_id=RecommendationId(row.recommendation_id),
        account=AccountId(row.account),
        venue=row.venue,
        symbol=Symbol(row.symbol),
        interval=Interval(row.interval),
        side=Side(row.side),
        purpose=Purpose(row.purpose),
        order_type=OrderType(row.order_type),
        time_in_force=TimeInForce(row.time_in_force),
        quantity=row.quantity,
        price=row.price,
        limit_price=row.limit_price,
        decided_at=row.decided_at,
        expires_at=row.expires_at,
        bracket=None if row.bracket is None else from_builtins(row.bracket, BracketPlan),
        horizon_at=row.horizon_at,
        exit_reason=None if row.exit_reason is None else ExitReason(row.exit_reason),
        parent=None if row.parent is None else ClientOrderId(row.parent),
        stop_price=row.stop_price,
        good_until=row.good_until,
        is_post_only=row.is_post_only,
        source=row.source,
    )


def holding_of(row: Row[Any]) -> Holding:
    return Holding(entry=order_of(row), quantity=row.open_quantity, anchor_price=row.anchor_price)


def changing(step: Step) -> dict[str, Any]:
    state = step.state
    return {
        "status": state.status,
        "filled_quantity": state.facts.filled_quantity,
        "venue_order_id": min(state.facts.venue_order_ids, default=None),
        "is_working": not state.status.is_terminal,
        "is_cancel_wanted": state.facts.is_cancel_requested,
        "updated_at": step.at,
        "detail": state.detail,
    }


def order_row(latest: Step, first: Step) -> dict[str, Any]:
    order = first.state.order
    return {
        **as_row(order),
        **changing(latest),
        "open_quantity": ZERO,
        "anchor_price": None,
        "is_held": False,
        "claimed_at": first.at if first.happening is Happening.CLAIMED else None,
        "lease_token": None,
        "signed_at": None,
        "final_after": None,
        "misses": 0,
        "missed_at": None,
        "reference_price": None,
    }


def event_row(step: Step) -> dict[str, Any]:
    identity = step.state.order.client_order_id
    return {
        "event_id": derive("order_event", identity, step.happening, _distinction(step)),
        "client_order_id": identity,
        "kind": step.happening,
        "at": step.at,
        "payload": step.learned,
    }


def _distinction(step: Step) -> str:
    """Return what tells an event from others of its kind: a venue reports an order many times."""
    if step.happening is Happening.REPORTED:
        said = step.learned
        trades = sorted(f"{one.trade_id}:{one.quantity}:{one.price}" for one in said.trades)
        reported = to_text(said.reported_quantity)
        return f"{sorted(said.venue_order_ids)}:{reported}:{said.final}:{trades}"
    return "" if step.fill is None else step.fill.trade_id


def fill_row(step: Step) -> dict[str, Any]:
    fill = step.fill
    assert fill is not None
    return {
        **as_row(fill),
        "recorded_at": step.at,
    }

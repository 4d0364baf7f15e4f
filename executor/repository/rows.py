"""Rows of the tables, made from what the core says and read back as it."""

from typing import Any

from sqlalchemy import Row

from executor.core.book import Holding
from executor.core.order import Order
from executor.core.steps import Step
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
from shared.domain.values import ZERO


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
        "updated_at": step.at,
        "detail": state.detail,
    }


def order_row(latest: Step, claimed: Step, request_digest: str | None) -> dict[str, Any]:
    order = claimed.state.order
    return {
        **as_row(order),
        **changing(latest),
        "open_quantity": ZERO,
        "anchor_price": None,
        "is_held": False,
        "claimed_at": claimed.at,
        "request_digest": request_digest,
    }


def event_row(step: Step) -> dict[str, Any]:
    identity = step.state.order.client_order_id
    trade = "" if step.fill is None else step.fill.trade_id
    return {
        "event_id": derive("order_event", identity, step.happening, trade),
        "client_order_id": identity,
        "kind": step.happening,
        "at": step.at,
        "payload": step.learned,
    }


def fill_row(step: Step) -> dict[str, Any]:
    fill = step.fill
    assert fill is not None
    return {
        **as_row(fill),
        "recorded_at": step.at,
    }

"""From a permission to an order: what is asked of the venue, and whether it still may be."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from executor.core.order import Order
from shared.domain.clock import EPOCH
from shared.domain.enums import (
    ExitReason,
    Interval,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
    TradingState,
)
from shared.domain.ids import (
    AccountId,
    DecisionId,
    RecommendationId,
    Symbol,
    client_order_id,
    derive,
)
from shared.domain.values import ZERO
from shared.domain.venue import OrderReport
from shared.domain.verdict import TARGET_WEIGHT, Approved


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPolicy:
    """How approvals become orders.

    The default, a limit order that fills at once or not at all, keeps the approval's promise never
    to be worse than its limit price. `entry_time_in_force` GTC lets the rest of an entry wait;
    `exit_type` MARKET puts leaving above that price.
    """

    mode: str
    venue: str
    entry_time_in_force: TimeInForce = TimeInForce.IOC
    exit_type: OrderType = OrderType.LIMIT
    is_post_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedExit:
    """A person's wish to leave one instrument; `request_id` derives from the idempotency key."""

    request_id: RecommendationId
    account: AccountId
    quantity: Decimal
    price: Decimal


def obstacle(
    state: TradingState, purpose: Purpose, now: datetime, expires_at: datetime
) -> str | None:
    """Return why an approval may not become an order now, or None."""
    if state is TradingState.HALT:
        return "trading is halted"
    if state is TradingState.REDUCE and purpose is Purpose.ENTRY:
        return "only exits are allowed"
    if now >= expires_at:
        return f"the approval expired at {expires_at.isoformat()}"
    return None


def plan(approved: Approved, policy: OrderPolicy) -> Order:
    """Return the one order an approval permits.

    An entry that a target weight asks for has no horizon at which it would stop waiting: it fills
    at once or not at all.
    """
    is_entry = approved.purpose is Purpose.ENTRY
    may_wait = is_entry and approved.sizing.kind != TARGET_WEIGHT
    is_market = not is_entry and policy.exit_type is OrderType.MARKET
    horizon = approved.bracket and approved.bracket.horizon_candles * approved.interval.delta
    if is_market:
        time_in_force = TimeInForce.GTC
    else:
        time_in_force = policy.entry_time_in_force if may_wait else TimeInForce.IOC
    return Order(
        client_order_id=client_order_id(policy.mode, approved.account, approved.decision_id),
        decision_id=approved.decision_id,
        recommendation_id=approved.recommendation_id,
        account=approved.account,
        venue=policy.venue,
        symbol=approved.symbol,
        interval=approved.interval,
        side=approved.side,
        purpose=approved.purpose,
        order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
        time_in_force=time_in_force,
        quantity=approved.quantity,
        price=approved.price,
        limit_price=approved.limit_price,
        decided_at=approved.decided_at,
        expires_at=approved.expires_at,
        bracket=approved.bracket if is_entry else None,
        horizon_at=approved.decided_at + horizon if is_entry and horizon else None,
        exit_reason=approved.exit_reason,
        is_post_only=policy.is_post_only and may_wait,
        source=approved.source,
    )


def plan_exit(
    entry: Order, reason: ExitReason, quantity: Decimal, price: Decimal, at: datetime, mode: str
) -> Order:
    """Return the market order that leaves an entry whose bracket was touched at `price`.

    It works until everything is sold; one candle makes at most one, so the two give the id.
    """
    decision = DecisionId(derive("decision", entry.decision_id, "bracket", at.isoformat()))
    return Order(
        client_order_id=client_order_id(mode, entry.account, decision),
        decision_id=decision,
        recommendation_id=entry.recommendation_id,
        account=entry.account,
        venue=entry.venue,
        symbol=entry.symbol,
        interval=entry.interval,
        side=entry.side.opposite,
        purpose=Purpose.EXIT,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        quantity=quantity,
        price=price,
        limit_price=price,
        decided_at=at,
        expires_at=at + entry.interval.delta,
        exit_reason=reason,
        parent=entry.client_order_id,
        source=entry.source,
    )


def forced_exit_request(account: AccountId, idempotency_key: str) -> RecommendationId:
    return RecommendationId(derive("recommendation", "forceexit", account, idempotency_key))


def plan_forced_exit(wish: ForcedExit, entry: Order, now: datetime, mode: str) -> Order:
    """Return the market order that leaves the instrument of `entry`, whatever the price."""
    decision = _forced_decision(wish.request_id, entry.symbol)
    return Order(
        client_order_id=client_order_id(mode, wish.account, decision),
        decision_id=decision,
        recommendation_id=wish.request_id,
        account=wish.account,
        venue=entry.venue,
        symbol=entry.symbol,
        interval=entry.interval,
        side=Side.SELL,
        purpose=Purpose.EXIT,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        quantity=wish.quantity,
        price=wish.price,
        limit_price=wish.price,
        decided_at=now,
        expires_at=now + entry.interval.delta,
        exit_reason=ExitReason.MANUAL,
    )


def _forced_decision(request: RecommendationId, symbol: Symbol) -> DecisionId:
    return DecisionId(derive("decision", request, symbol))


def adopt(found: OrderReport, account: AccountId, venue: str, interval: Interval) -> Order:
    """Return the order of ours that only the venue knew; buys enter, sales leave."""
    assert found.client_order_id is not None
    is_buy = found.side is Side.BUY
    price = found.limit_price or ZERO
    at = found.at or EPOCH
    return Order(
        client_order_id=found.client_order_id,
        decision_id=DecisionId(derive("decision", "adopted", found.client_order_id)),
        recommendation_id=RecommendationId(
            derive("recommendation", "adopted", found.client_order_id)
        ),
        account=account,
        venue=venue,
        symbol=found.symbol,
        interval=interval,
        side=found.side,
        purpose=Purpose.ENTRY if is_buy else Purpose.EXIT,
        order_type=found.order_type,
        time_in_force=TimeInForce.GTC,
        quantity=found.quantity,
        price=price,
        limit_price=price,
        decided_at=at,
        expires_at=at,
        exit_reason=None if is_buy else ExitReason.MANUAL,
    )

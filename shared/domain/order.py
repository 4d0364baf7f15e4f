"""What other services may know of an order and its fills."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.domain.bracket import BracketPlan
from shared.domain.enums import (
    ExitReason,
    Interval,
    Liquidity,
    OrderStatus,
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
    TradeId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSnapshot:
    """One order after the fact that carries it; `decided_at` is the close it was decided on."""

    client_order_id: ClientOrderId
    decision_id: DecisionId
    recommendation_id: RecommendationId
    account: AccountId
    venue: str
    symbol: Symbol
    interval: Interval
    side: Side
    purpose: Purpose
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal
    limit_price: Decimal
    filled_quantity: Decimal
    status: OrderStatus
    decided_at: datetime
    updated_at: datetime
    bracket: BracketPlan | None = None
    exit_reason: ExitReason | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution. `reference_price` is the market before slippage: brackets are anchored on it.

    `fee` is a positive amount of `fee_asset`.
    """

    trade_id: TradeId
    client_order_id: ClientOrderId
    account: AccountId
    venue: str
    symbol: Symbol
    side: Side
    purpose: Purpose
    quantity: Decimal
    price: Decimal
    reference_price: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: Liquidity
    filled_at: datetime

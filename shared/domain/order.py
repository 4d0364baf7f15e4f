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
from shared.domain.instrument import split_symbol
from shared.domain.values import ZERO

# of two statuses of one order that has filled the same, the one further down came later: an end
# that was only concluded is undone by whatever the venue says, the venue's own word never
_CHRONICLE = (
    OrderStatus.APPROVED,
    OrderStatus.SENDING,
    OrderStatus.UNKNOWN,
    OrderStatus.ABSENT,
    OrderStatus.NOT_SENT,
    OrderStatus.REJECTED,
    OrderStatus.OPEN,
    OrderStatus.PARTIAL,
    OrderStatus.CANCELING,
    OrderStatus.EXPIRED,
    OrderStatus.CANCELED,
    OrderStatus.FILLS_MISSING,
    OrderStatus.FILLED,
    OrderStatus.CONFLICT,
    OrderStatus.OVERFILLED,
)
_CHAPTER = {status: number for number, status in enumerate(_CHRONICLE)}


def progress(status: OrderStatus, filled_quantity: Decimal) -> tuple[Decimal, int]:
    """Return the sort key by which the facts of one order were said, however they are heard.

    What is filled never shrinks, and an order ends a second time only after another fill.
    """
    return (filled_quantity, _CHAPTER[status])


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSnapshot:
    """One order after the fact that carries it; `decided_at` is the close it was decided on.

    `source`: who believed in it, as the approval says; empty where nobody knows.
    """

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
    source: str = ""

    @property
    def progress(self) -> tuple[Decimal, int]:
        """How far the order had come: the largest of an order's snapshots is its latest."""
        return progress(self.status, self.filled_quantity)


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

    @property
    def base_fee(self) -> Decimal:
        """What of the fee was taken out of the base asset: so much less is bought, or left."""
        base, _quote = split_symbol(self.symbol)
        return self.fee if self.fee_asset == base else ZERO

"""Facts about trades: proposed, judged, ordered, filled, and what a venue did besides."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from shared.domain.enums import (
    Interval,
    Side,
    SurpriseKind,
)
from shared.domain.ids import AccountId, RecommendationId, Symbol, VenueOrderId
from shared.domain.order import Fill, OrderSnapshot
from shared.domain.recommendation import Recommendation
from shared.domain.values import to_text
from shared.domain.verdict import Approved, Denied


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationsIssued:
    """Recommendations decided together, exits first; risk reviews them in this order as one."""

    topic: ClassVar[str] = "recommendation.issued"
    account: AccountId
    decided_at: datetime
    origin: str
    recommendations: tuple[Recommendation, ...]

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.decided_at.isoformat(), self.origin)

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationApproved:
    topic: ClassVar[str] = "recommendation.approved"
    approved: Approved

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.approved.decision_id,)

    @property
    def stream(self) -> str:
        return self.approved.account


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationDenied:
    topic: ClassVar[str] = "recommendation.denied"
    denied: Denied

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.denied.decision_id,)

    @property
    def stream(self) -> str:
        return self.denied.account


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationExpired:
    topic: ClassVar[str] = "recommendation.expired"
    account: AccountId
    recommendation_id: RecommendationId
    symbol: Symbol
    expired_at: datetime

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.recommendation_id,)

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class _OrderFact:
    order: OrderSnapshot

    @property
    def identity(self) -> tuple[str, ...]:
        order = self.order  # a venue may end an order, find another fill, and end it again
        return (order.client_order_id, order.status, to_text(order.filled_quantity))

    @property
    def stream(self) -> str:
        return self.order.account


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSubmitted(_OrderFact):
    """Claimed and committed: from here on the order may reach the venue."""

    topic: ClassVar[str] = "order.submitted"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccepted(_OrderFact):
    topic: ClassVar[str] = "order.accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRejected(_OrderFact):
    topic: ClassVar[str] = "order.rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilled(_OrderFact):
    """One execution; the order's status says whether more may follow."""

    topic: ClassVar[str] = "order.filled"
    fill: Fill

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.fill.venue, self.fill.account, self.fill.trade_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCanceled(_OrderFact):
    topic: ClassVar[str] = "order.canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderExpired(_OrderFact):
    """Never sent, or proven absent at the venue: nothing of it can fill any more."""

    topic: ClassVar[str] = "order.expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUnknown(_OrderFact):
    topic: ClassVar[str] = "order.unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSurprised:
    """The venue did what the books cannot explain; nothing more of the instrument is bought."""

    topic: ClassVar[str] = "venue.surprised"
    account: AccountId
    venue: str
    symbol: Symbol
    kind: SurpriseKind
    detail: str
    found_at: datetime

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.symbol, self.kind, self.found_at.isoformat(), self.detail)

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalOrder:
    """An open order of the account that is not ours; what is left of it may still be bought."""

    venue_order_id: VenueOrderId
    symbol: Symbol
    side: Side
    remaining: Decimal
    limit_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalOrdersSeen:
    """Every open order on the account that is not ours, whenever that has changed."""

    topic: ClassVar[str] = "external_orders.seen"
    account: AccountId
    venue: str
    seen_at: datetime
    orders: tuple[ExternalOrder, ...]

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.venue, self.seen_at.isoformat())

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalanceStep:
    """One trade towards a target weight, at the price it was planned on."""

    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalanceWanted:
    """Trades towards the weights a person asked for; recommender proposes them to risk."""

    topic: ClassVar[str] = "rebalance.wanted"
    account: AccountId
    rebalance_id: str
    actor: str
    interval: Interval
    wanted_at: datetime
    steps: tuple[RebalanceStep, ...]

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.rebalance_id)

    @property
    def stream(self) -> str:
        return self.account

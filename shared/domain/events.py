"""Every fact the services tell one another, defined once.

`topic` names the fact on the bus; `identity` is its business key, from which the event id derives,
so that saying the same fact again after a crash collides instead of doubling.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from shared.domain.candle import Candle
from shared.domain.enums import (
    AlarmKind,
    BalanceKind,
    ExitReason,
    Interval,
    Side,
    SurpriseKind,
    TradingState,
)
from shared.domain.ids import AccountId, RecommendationId, Symbol, TradeId, VenueOrderId
from shared.domain.order import Fill, OrderSnapshot
from shared.domain.recommendation import Recommendation
from shared.domain.signal import Signal
from shared.domain.values import to_text
from shared.domain.verdict import Approved, Denied


@dataclass(frozen=True, slots=True, kw_only=True)
class CandlesClosed:
    """One shard (at most 50 instruments) of candles that closed together.

    `references` holds the candles the shard's instruments are measured against.
    """

    topic: ClassVar[str] = "candles.closed"
    venue: str
    interval: Interval
    closed_at: datetime
    shard: int
    candles: tuple[Candle, ...]
    references: tuple[Candle, ...]

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.venue, self.interval, self.closed_at.isoformat(), str(self.shard))

    @property
    def stream(self) -> str:
        """What is heard in order and can be read back: one shard of one venue and interval."""
        return f"{self.venue}:{self.interval}:{self.shard}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalsGenerated:
    """The signals of one source for one shard of candles."""

    topic: ClassVar[str] = "signal.generated"
    source: str
    venue: str
    interval: Interval
    closed_at: datetime
    shard: int
    signals: tuple[Signal, ...]

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.source, self.venue, self.interval, self.closed_at.isoformat(), str(self.shard))

    @property
    def stream(self) -> str:
        return f"{self.source}:{self.venue}:{self.interval}:{self.shard}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalsAggregated:
    """One combined signal for each instrument of a shard."""

    topic: ClassVar[str] = "signal.aggregated"
    venue: str
    interval: Interval
    closed_at: datetime
    shard: int
    signals: tuple[Signal, ...]

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.venue, self.interval, self.closed_at.isoformat(), str(self.shard))

    @property
    def stream(self) -> str:
        return f"{self.venue}:{self.interval}:{self.shard}"


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
class AccountReconciled:
    """Everything the venue did on this account up to `as_of` has been announced."""

    topic: ClassVar[str] = "account.reconciled"
    account: AccountId
    venue: str
    as_of: datetime
    shard: int

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.venue, self.as_of.isoformat(), str(self.shard))

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionChanged:
    """One position after one fill; `quantity` zero means it is closed."""

    topic: ClassVar[str] = "position.changed"
    account: AccountId
    symbol: Symbol
    quantity: Decimal
    average_cost: Decimal
    realized_pnl: Decimal
    changed_at: datetime
    trade_id: TradeId

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.symbol, self.trade_id)

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionMark:
    """`price` is in the instrument's own quote, `notional` in the currency of the account."""

    symbol: Symbol
    quantity: Decimal
    price: Decimal
    notional: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CashMark:
    """Cash in one quote; `rate` is what a unit is worth in the currency of the account.

    None where nobody knows: then it counts for nothing, and nothing may be bought with it.
    """

    asset: str
    amount: Decimal
    rate: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityMarked:
    """The account at one instant, in its currency; every fill announced up to `as_of` is in it.

    `cash_by_asset` is empty where every instrument is paid in the currency of the account.
    """

    topic: ClassVar[str] = "equity.marked"
    account: AccountId
    as_of: datetime
    equity: Decimal
    cash: Decimal
    peak_equity: Decimal
    day_start_equity: Decimal
    drawdown_ratio: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    fees: Decimal
    positions: tuple[PositionMark, ...]
    cash_by_asset: tuple[CashMark, ...] = ()

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.as_of.isoformat())

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingStateChanged:
    topic: ClassVar[str] = "trading_state.changed"
    account: AccountId
    state: TradingState
    version: int
    actor: str
    reason: str
    changed_at: datetime

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, str(self.version))

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingAlarmed:
    """Something makes entering unsafe; risk answers, and a person resumes."""

    topic: ClassVar[str] = "trading.alarmed"
    account: AccountId
    kind: AlarmKind
    subject: str
    detail: str
    raised_at: datetime

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.kind, self.subject, self.raised_at.isoformat())

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenQuote:
    symbol: Symbol
    bid: Decimal
    ask: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotesSeen:
    """The best prices of a venue's instruments at one instant, every few seconds."""

    topic: ClassVar[str] = "quotes.seen"
    account: AccountId
    venue: str
    seen_at: datetime
    quotes: tuple[SeenQuote, ...]

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.venue, self.seen_at.isoformat())

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTripClosed:
    """From flat to a position and back; `pnl` and `cost` in quote, fees in."""

    topic: ClassVar[str] = "round_trip.closed"
    account: AccountId
    trip_id: str
    symbol: Symbol
    opened_at: datetime
    closed_at: datetime
    cost: Decimal
    pnl: Decimal
    exit_reason: ExitReason | None

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.trip_id, self.closed_at.isoformat())

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceFound:
    """The venue holds `amount` more of an asset than was booked, and how that is explained.

    Said by the executor, once per `reference`; kinds `opening`, `accepted`, `rounding`.
    """

    topic: ClassVar[str] = "balance.found"
    account: AccountId
    venue: str
    asset: str
    amount: Decimal
    kind: BalanceKind
    reference: str
    actor: str
    found_at: datetime

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.asset, self.reference)

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceMoved:
    """What a person says moved an asset beside our fills: `amount` came, or went if negative.

    Said by portfolio, once per `reference` and asset; the executor expects it at the venue.
    """

    topic: ClassVar[str] = "balance.moved"
    account: AccountId
    asset: str
    amount: Decimal
    kind: BalanceKind
    reference: str
    actor: str
    moved_at: datetime

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.asset, self.reference)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPromoted:
    topic: ClassVar[str] = "model.promoted"
    scope: str
    release_id: str
    role: str
    promoted_at: datetime

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.scope, self.release_id, self.role, self.promoted_at.isoformat())

    @property
    def stream(self) -> str:
        return self.scope


Event = (
    CandlesClosed
    | SignalsGenerated
    | SignalsAggregated
    | RecommendationsIssued
    | RecommendationApproved
    | RecommendationDenied
    | RecommendationExpired
    | OrderSubmitted
    | OrderAccepted
    | OrderRejected
    | OrderFilled
    | OrderCanceled
    | OrderExpired
    | OrderUnknown
    | VenueSurprised
    | ExternalOrdersSeen
    | AccountReconciled
    | PositionChanged
    | EquityMarked
    | TradingStateChanged
    | TradingAlarmed
    | QuotesSeen
    | RoundTripClosed
    | BalanceFound
    | BalanceMoved
    | RebalanceWanted
    | ModelPromoted
)
EVENT_TYPES: tuple[type[Event], ...] = Event.__args__

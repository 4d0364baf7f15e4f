"""What an order is, and how it stands: a pure function of facts that may arrive in any order.

Facts only grow (union, maximum, or), so merging is commutative, associative and idempotent; no
report can be "invalid" and dropped. The stored status is a cache of `status_of`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import reduce

from shared.domain.bracket import BracketPlan
from shared.domain.enums import (
    ExitReason,
    Interval,
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
    VenueOrderId,
)
from shared.domain.order import OrderSnapshot
from shared.domain.values import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What we ask of the venue; never changes. `parent` is the entry a bracket exit protects.

    `good_until`: when the venue itself ends it (GTD). `stop_price`: where a stop-limit awakes.
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
    decided_at: datetime
    expires_at: datetime
    bracket: BracketPlan | None = None
    horizon_at: datetime | None = None
    exit_reason: ExitReason | None = None
    parent: ClientOrderId | None = None
    stop_price: Decimal | None = None
    good_until: datetime | None = None
    is_post_only: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    trade_id: TradeId
    quantity: Decimal
    price: Decimal


# later wins: a venue that first said canceled and then filled has filled
_FINALS = (OrderStatus.EXPIRED, OrderStatus.CANCELED, OrderStatus.FILLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """Everything known of one order; `reported_quantity` is the largest cumulative fill reported.

    `final` is the venue's last word (expired, canceled or filled); a refusal is kept apart from it,
    so that a venue that refused and then traded is seen to contradict itself. `is_closed`: a person
    has looked at the venue and says that nothing more will come.
    """

    is_claimed: bool = False
    is_not_sent: bool = False
    is_ambiguous: bool = False
    is_absent: bool = False
    is_rejected: bool = False
    is_cancel_requested: bool = False
    is_closed: bool = False
    venue_order_ids: frozenset[VenueOrderId] = frozenset()
    trades: frozenset[Trade] = frozenset()
    reported_quantity: Decimal = ZERO
    final: OrderStatus | None = None

    @property
    def filled_quantity(self) -> Decimal:
        """Sum over trades; of two versions of one the larger counts, so fills never shrink."""
        if not self.trades:
            return ZERO
        largest: dict[TradeId, Decimal] = {}
        for trade in self.trades:
            largest[trade.trade_id] = max(trade.quantity, largest.get(trade.trade_id, ZERO))
        return sum(largest.values(), ZERO)

    @property
    def is_contradictory(self) -> bool:
        """One trade id with two quantities or prices."""
        return len({trade.trade_id for trade in self.trades}) < len(self.trades)


def merge(left: OrderFacts, right: OrderFacts) -> OrderFacts:
    return OrderFacts(
        is_claimed=left.is_claimed or right.is_claimed,
        is_not_sent=left.is_not_sent or right.is_not_sent,
        is_ambiguous=left.is_ambiguous or right.is_ambiguous,
        is_absent=left.is_absent or right.is_absent,
        is_rejected=left.is_rejected or right.is_rejected,
        is_cancel_requested=left.is_cancel_requested or right.is_cancel_requested,
        is_closed=left.is_closed or right.is_closed,
        venue_order_ids=left.venue_order_ids | right.venue_order_ids,
        trades=left.trades | right.trades,
        reported_quantity=max(left.reported_quantity, right.reported_quantity),
        final=max(left.final, right.final, key=_rank),
    )


def merged(facts: Iterable[OrderFacts]) -> OrderFacts:
    return reduce(merge, facts, OrderFacts())


def status_of(facts: OrderFacts, quantity: Decimal) -> OrderStatus:
    """Return how an order for `quantity` stands: the first row that applies."""
    return (
        _from_fills(facts, quantity)
        or _from_final_reports(facts)
        or _from_resting(facts)
        or _from_sending(facts)
    )


def _rank(final: OrderStatus | None) -> int:
    return -1 if final is None else _FINALS.index(final)


def _from_fills(facts: OrderFacts, quantity: Decimal) -> OrderStatus | None:
    filled = facts.filled_quantity
    # told of too much while fills are missing, it has not ended: what is promised is not yet held
    if filled >= quantity < max(filled, facts.reported_quantity):
        return OrderStatus.OVERFILLED
    if facts.is_closed:
        return _closed(filled, quantity)
    is_refused_and_there = facts.is_rejected and _exists_at_venue(facts)
    if facts.is_contradictory or (is_refused_and_there and filled != quantity):
        return OrderStatus.CONFLICT
    if filled == quantity:  # a fill may overtake its cancel, and even a wrong refusal
        return OrderStatus.FILLED
    if facts.final is OrderStatus.FILLED or filled < facts.reported_quantity:
        return OrderStatus.FILLS_MISSING
    return None


def _closed(filled: Decimal, quantity: Decimal) -> OrderStatus:
    """Return the end of an order that a person closed, having seen what the venue has of it."""
    if filled == quantity:
        return OrderStatus.FILLED
    return OrderStatus.CANCELED if filled else OrderStatus.ABSENT


def _exists_at_venue(facts: OrderFacts) -> bool:
    return bool(
        facts.trades or facts.venue_order_ids or facts.reported_quantity or facts.final is not None
    )


def _from_final_reports(facts: OrderFacts) -> OrderStatus | None:
    if facts.is_rejected:
        return OrderStatus.REJECTED
    return facts.final


def _from_resting(facts: OrderFacts) -> OrderStatus | None:
    if not (facts.venue_order_ids or facts.trades):
        return None
    if facts.is_cancel_requested:
        return OrderStatus.CANCELING
    return OrderStatus.PARTIAL if facts.trades else OrderStatus.OPEN


def _from_sending(facts: OrderFacts) -> OrderStatus:
    # these two reopen when any fact of the venue arrives later: all rows above come first
    if facts.is_not_sent:
        return OrderStatus.NOT_SENT
    if facts.is_absent:
        return OrderStatus.ABSENT
    if not facts.is_claimed:
        return OrderStatus.APPROVED
    return OrderStatus.UNKNOWN if facts.is_ambiguous else OrderStatus.SENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """An order and all that is known of it."""

    order: Order
    facts: OrderFacts = OrderFacts()
    detail: str = ""

    @property
    def status(self) -> OrderStatus:
        return status_of(self.facts, self.order.quantity)

    @property
    def remaining(self) -> Decimal:
        return self.order.quantity - self.facts.filled_quantity


def snapshot(state: OrderState, at: datetime) -> OrderSnapshot:
    """Return what other services may know of the order."""
    order = state.order
    return OrderSnapshot(
        client_order_id=order.client_order_id,
        decision_id=order.decision_id,
        recommendation_id=order.recommendation_id,
        account=order.account,
        venue=order.venue,
        symbol=order.symbol,
        interval=order.interval,
        side=order.side,
        purpose=order.purpose,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        quantity=order.quantity,
        price=order.price,
        limit_price=order.limit_price,
        filled_quantity=state.facts.filled_quantity,
        status=state.status,
        decided_at=order.decided_at,
        updated_at=at,
        bracket=order.bracket,
        exit_reason=order.exit_reason,
        detail=state.detail,
        source=order.source,
    )

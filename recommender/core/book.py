"""The account as the recommender knows it, folded from the facts of portfolio and executor."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from shared.domain.enums import Interval, OrderStatus, Purpose, TradingState
from shared.domain.events import PositionChanged
from shared.domain.ids import AccountId, ClientOrderId, RecommendationId, Symbol
from shared.domain.order import Fill, OrderSnapshot, progress
from shared.domain.recommendation import Recommendation
from shared.domain.values import MONEY, ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Whose account it is, which candles it decides on, and how many of them a proposal stands.

    `lots`: the smallest quantity of each instrument that can be sold; less than it is dust, which a
    fee taken out of what was bought leaves behind. `rebalance_wait_candles`: how long what target
    weights buy may wait for the sales beside it.
    """

    account: AccountId
    interval: Interval
    ttl_candles: int = 1
    lots: Mapping[Symbol, Decimal] = field(default_factory=dict[Symbol, Decimal])
    rebalance_wait_candles: int = 3

    def expires_at(self, decided_at: datetime) -> datetime:
        return decided_at + self.ttl_candles * self.interval.delta

    def is_dust(self, position: "Position") -> bool:
        return self.is_too_little(position.symbol, position.quantity)

    def is_too_little(self, symbol: Symbol, quantity: Decimal) -> bool:
        return ZERO < quantity < self.lots.get(symbol, ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One holding; `decided_at` and `horizon_at` come from the entry that opened it, where known.

    `opened_at` is its first fill. A quantity of zero means that a fill was heard whose position
    was not: the instrument is neither flat nor to be sold. `kept`: what of it was bought without a
    bracket, towards a target weight, and so has no horizon; of two parts it is sold last.
    """

    symbol: Symbol
    quantity: Decimal
    decided_at: datetime | None = None
    opened_at: datetime | None = None
    horizon_at: datetime | None = None
    kept: Decimal = ZERO

    @property
    def bracketed(self) -> Decimal:
        """What of it has a bracket, and with it a horizon."""
        if not self.kept:
            return self.quantity
        return max(MONEY.subtract(self.quantity, self.kept), ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOrder:
    """An order by the latest fact about it; `updated_at` is when the last one heard was said."""

    client_order_id: ClientOrderId
    recommendation_id: RecommendationId
    symbol: Symbol
    purpose: Purpose
    status: OrderStatus
    filled_quantity: Decimal
    updated_at: datetime

    @property
    def is_open(self) -> bool:
        return not self.status.is_terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """`entries`, `exits`: instruments with a proposal not yet answered or an order working."""

    positions: Mapping[Symbol, Position]
    entries: AbstractSet[Symbol] = frozenset()
    exits: AbstractSet[Symbol] = frozenset()
    state: TradingState = TradingState.RUN

    def after(self, issued: Iterable[Recommendation]) -> "Book":
        """Return the book with these proposals pending."""
        entries = {one.symbol for one in issued if one.purpose is Purpose.ENTRY}
        exits = {one.symbol for one in issued if one.purpose is Purpose.EXIT}
        return replace(self, entries=self.entries | entries, exits=self.exits | exits)


def follow(known: KnownOrder | None, order: OrderSnapshot) -> KnownOrder:
    """Return what is known after one more fact about an order, in whatever order facts arrive.

    One that has ended stays ended, unless it was only taken for absent and returns.
    """
    if known is not None and order.progress <= progress(known.status, known.filled_quantity):
        return replace(known, updated_at=max(known.updated_at, order.updated_at))
    return KnownOrder(
        client_order_id=order.client_order_id,
        recommendation_id=order.recommendation_id,
        symbol=order.symbol,
        purpose=order.purpose,
        status=order.status,
        filled_quantity=order.filled_quantity,
        updated_at=order.updated_at if known is None else max(known.updated_at, order.updated_at),
    )


def filled(position: Position | None, order: OrderSnapshot, fill: Fill) -> Position:
    """Return the position after a fill; the portfolio's figure, heard next, replaces this one."""
    held = Position(symbol=order.symbol, quantity=ZERO) if position is None else position
    if order.purpose is Purpose.EXIT:
        left = max(held.quantity - fill.quantity - fill.base_fee, ZERO)
        return replace(held, quantity=left, kept=min(held.kept, left))
    bought = fill.quantity - fill.base_fee
    quantity = held.quantity + bought
    plan = order.bracket
    if plan is None:
        return _added(held, order, bought, fill.filled_at)
    if held.decided_at == order.decided_at:
        return replace(held, quantity=quantity)
    return Position(
        symbol=held.symbol,
        quantity=quantity,
        decided_at=order.decided_at,
        opened_at=fill.filled_at,
        horizon_at=order.decided_at + plan.horizon_candles * order.interval.delta,
        kept=held.kept,
    )


def _added(held: Position, order: OrderSnapshot, bought: Decimal, at: datetime) -> Position:
    """Return the position with more of what has no bracket; the rest keeps its horizon."""
    return replace(
        held,
        quantity=held.quantity + bought,
        kept=held.kept + bought,
        decided_at=held.decided_at or order.decided_at,
        opened_at=at,
    )


def changed(position: Position | None, fact: PositionChanged) -> Position | None:
    """Return the position as the portfolio has it, or None once it is closed."""
    if fact.quantity > ZERO:
        held = Position(symbol=fact.symbol, quantity=ZERO) if position is None else position
        return replace(held, quantity=fact.quantity, kept=min(held.kept, fact.quantity))
    if position is None or position.opened_at is None or fact.changed_at >= position.opened_at:
        return None
    return replace(position, quantity=ZERO)  # an earlier holding closed after this one was opened

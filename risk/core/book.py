"""The account as risk knows it: what is held, what is promised, and how fresh that is."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from risk.core.conduct import CLEAN, Conduct
from risk.core.external import NOTHING_EXTERNAL, External
from risk.core.market import NO_MARKETS, Markets
from shared.domain.enums import OrderStatus, Purpose, TradingState
from shared.domain.events import EquityMarked
from shared.domain.ids import DecisionId, Symbol, TradeId
from shared.domain.order import Fill, OrderSnapshot, progress
from shared.domain.values import MONEY, ZERO, exact
from shared.domain.verdict import Approved


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """`price` is the last mark, or the fill's own price before the first one.

    `source`: who believed in the entry that bought last.
    """

    symbol: Symbol
    quantity: Decimal
    price: Decimal
    trade_id: TradeId | None = None
    source: str = ""
    notional: Decimal = field(init=False, compare=False)

    def __post_init__(self) -> None:
        _derive(self, "notional", exact(MONEY.multiply(self.quantity, self.price)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What one approved order may still cost at worst; an exit promises nothing.

    `status`: how its order stood by the latest fact heard, None before the first.
    `amount`: the quote that is still set aside, an upper bound of what will be spent.
    `source`: who believed in it.
    """

    decision_id: DecisionId
    symbol: Symbol
    purpose: Purpose
    quantity: Decimal
    filled_quantity: Decimal
    unit_cost: Decimal
    source: str = ""
    status: OrderStatus | None = None
    is_held: bool = field(init=False, compare=False)
    amount: Decimal = field(init=False, compare=False)

    def __post_init__(self) -> None:
        _derive(self, "is_held", self.status is None or not self.status.is_terminal)
        is_spending = self.is_held and self.purpose is Purpose.ENTRY
        left = max(self.quantity - self.filled_quantity, ZERO) if is_spending else ZERO
        _derive(self, "amount", exact(MONEY.multiply(left, self.unit_cost)))


def _derive(owner: object, name: str, value: Decimal | bool) -> None:  # noqa: FBT001 - the value of a field
    """Set a field that follows from the others; a group of hundreds reads it thousands of times."""
    object.__setattr__(owner, name, value)


def _no_holdings() -> Mapping[Symbol, Holding]:
    return {}


def _no_reservations() -> Mapping[DecisionId, Reservation]:
    return {}


def _no_locks() -> Mapping[Symbol, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """`as_of` is None before the first mark.

    `trades_today`, `orders_this_minute`: entries approved in the day and the minute decided on.
    `locks`: instruments that may not be entered, and why.
    """

    as_of: datetime | None
    equity: Decimal
    cash: Decimal
    peak_equity: Decimal
    day_start_equity: Decimal
    trades_today: int = 0
    orders_this_minute: int = 0
    state: TradingState = TradingState.RUN
    positions: Mapping[Symbol, Holding] = field(default_factory=_no_holdings)
    reservations: Mapping[DecisionId, Reservation] = field(default_factory=_no_reservations)
    locks: Mapping[Symbol, str] = field(default_factory=_no_locks)
    external: External = NOTHING_EXTERNAL
    markets: Markets = NO_MARKETS
    conduct: Conduct = CLEAN
    position_total: Decimal = field(init=False, compare=False)
    reserved_total: Decimal = field(init=False, compare=False)
    exposure: Decimal = field(init=False, compare=False)
    """What is held, what is promised, and what others may still buy on the account."""

    def __post_init__(self) -> None:
        held = total(one.notional for one in self.positions.values())
        promised = total(one.amount for one in self.reservations.values())
        _derive(self, "position_total", held)
        _derive(self, "reserved_total", promised)
        _derive(self, "exposure", exact(held + promised + self.external.total))

    def position(self, symbol: Symbol) -> Decimal:
        """Return what the instrument's position is worth."""
        held = self.positions.get(symbol)
        return ZERO if held is None else held.notional

    def quantity(self, symbol: Symbol) -> Decimal:
        held = self.positions.get(symbol)
        return ZERO if held is None else held.quantity

    def reserved(self, symbol: Symbol) -> Decimal:
        return total(one.amount for one in self.reservations.values() if one.symbol == symbol)

    def used(self, symbol: Symbol) -> Decimal:
        """Return what an instrument uses of its cap."""
        return self.position(symbol) + self.reserved(symbol) + self.external.amount(symbol)

    @property
    def free_cash(self) -> Decimal:
        return exact(self.cash - self.reserved_total)

    @property
    def drawdown_ratio(self) -> Decimal:
        if self.peak_equity <= ZERO:
            return ZERO
        return exact(MONEY.divide(self.peak_equity - self.equity, self.peak_equity))

    @property
    def active(self) -> AbstractSet[Symbol]:
        """Return the instruments at risk now or soon."""
        held = {symbol for symbol, one in self.positions.items() if one.quantity > ZERO}
        return held | {one.symbol for one in self.reservations.values() if one.amount > ZERO}

    def is_working(self, symbol: Symbol, purpose: Purpose) -> bool:
        return any(
            one.symbol == symbol and one.purpose is purpose and one.is_held
            for one in self.reservations.values()
        )

    def after(self, approved: Sequence[Approved], fee_factor: Decimal) -> "Book":
        """Return the book with these approvals promised."""
        promised = {one.decision_id: reservation(one, fee_factor) for one in approved}
        entries = sum(one.purpose is Purpose.ENTRY for one in approved)
        return replace(
            self,
            reservations={**self.reservations, **promised},
            trades_today=self.trades_today + entries,
            orders_this_minute=self.orders_this_minute + entries,
        )


def total(amounts: Iterable[Decimal]) -> Decimal:
    result = ZERO
    for amount in amounts:
        result = MONEY.add(result, amount)
    return exact(result)


def reservation(approved: Approved, fee_factor: Decimal) -> Reservation:
    """Return what an approved entry sets aside: each unit at its limit price, and the fee on it."""
    is_entry = approved.purpose is Purpose.ENTRY
    unit_cost = exact(MONEY.multiply(approved.limit_price, fee_factor)) if is_entry else ZERO
    return Reservation(
        decision_id=approved.decision_id,
        symbol=approved.symbol,
        purpose=approved.purpose,
        quantity=approved.quantity,
        filled_quantity=ZERO,
        unit_cost=unit_cost,
        source=approved.source,
    )


def adopted(order: OrderSnapshot, fee_factor: Decimal) -> Reservation | None:
    """Return what an entry of ours sets aside that no approval is known of, None for an exit.

    Only the venue knew it, so it is as real as any other.
    """
    if order.purpose is not Purpose.ENTRY:
        return None
    return Reservation(
        decision_id=order.decision_id,
        symbol=order.symbol,
        purpose=order.purpose,
        quantity=order.quantity,
        filled_quantity=ZERO,
        unit_cost=exact(MONEY.multiply(order.limit_price or order.price, fee_factor)),
    )


def follow(promised: Reservation, order: OrderSnapshot) -> Reservation:
    """Return the reservation after one more fact about its order, in whatever order facts arrive.

    Only an order that has ended, with all its fills known, gives back what it did not use; one that
    was taken for absent and returns is promised again.
    """
    if order.purpose is not promised.purpose:  # the bracket's exit carries its entry's decision
        return promised
    known = promised.status
    if known is not None and order.progress <= progress(known, promised.filled_quantity):
        return promised
    return replace(promised, filled_quantity=order.filled_quantity, status=order.status)


def lapse(promised: Reservation) -> Reservation:
    """Return the reservation of an approval that no order was made of, nor will be."""
    if promised.status is not None:
        return promised
    return replace(promised, status=OrderStatus.NOT_SENT)


def filled(held: Holding | None, fill: Fill) -> Holding:
    """Return the holding after a fill, valued at the fill's price until the next mark."""
    before = ZERO if held is None else held.quantity
    return Holding(
        symbol=fill.symbol,
        quantity=max(before + fill.side.sign * fill.quantity - fill.base_fee, ZERO),
        price=fill.price,
        trade_id=fill.trade_id,
    )


def book_of(
    marked: EquityMarked,
    state: TradingState = TradingState.RUN,
    trades_today: int = 0,
    reservations: Mapping[DecisionId, Reservation] | None = None,
) -> Book:
    """Return the book that one mark describes, with nothing promised unless said."""
    return Book(
        as_of=marked.as_of,
        equity=marked.equity,
        cash=marked.cash,
        peak_equity=marked.peak_equity,
        day_start_equity=marked.day_start_equity,
        trades_today=trades_today,
        state=state,
        reservations=reservations or _no_reservations(),
        positions={
            one.symbol: Holding(symbol=one.symbol, quantity=one.quantity, price=one.price)
            for one in marked.positions
        },
    )

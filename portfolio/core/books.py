"""The books of one account: everything one booking changes, in one step."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from portfolio.core.booking import Booking, is_external_source
from portfolio.core.currencies import Currencies, currencies_of
from portfolio.core.flow import Flow, divide, flow_of_booking, source_of
from portfolio.core.lots import Lot, age, open_lot, sell_from
from portfolio.core.position import Position, apply, explain, sold_unheld
from portfolio.core.trades import RoundTrip, begin_trip, close, extend
from shared.domain.enums import ExitReason, Interval
from shared.domain.events import PositionChanged, RoundTripClosed
from shared.domain.ids import AccountId, Symbol, TradeId
from shared.domain.order import Fill
from shared.domain.values import MONEY, ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksPolicy:
    """Whose books, what they start with, and how many shards make one instant complete.

    `symbols` are traded: their bases have positions, their quotes are cash, all else lies aside.
    With `has_parity` a dollar coin without a price counts as a dollar.
    """

    account: AccountId
    quote: str
    opening_balance: Decimal
    interval: Interval
    shard_count: int
    symbols: tuple[Symbol, ...] = ()
    opening_balances: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    has_parity: bool = True

    @property
    def currencies(self) -> Currencies:
        return currencies_of(self.symbols, self.quote, has_parity=self.has_parity)


class Holding(NamedTuple):
    """One instrument in the books: the position, its open round trips, its lots oldest first.

    What others traded on the account has a trip of its own; together the open trips have bought
    and not sold exactly the position.
    """

    position: Position
    trips: tuple[RoundTrip, ...]
    lots: tuple[Lot, ...]


class Booked(NamedTuple):
    """What one booking did: the new holding, and the lots and trips it changed.

    `unexplained` is what of a sale nobody had, negative what was explained of earlier ones.
    """

    holding: Holding
    changed_lots: tuple[Lot, ...]
    changed_trips: tuple[RoundTrip, ...]
    unexplained: Decimal


class Borne(NamedTuple):
    """The flows of one booking that its position can bear, one after the other.

    `unexplained` as in `Booked`.
    """

    flows: tuple[Flow, ...]
    position: Position
    unexplained: Decimal


def flat(symbol: Symbol) -> Holding:
    return Holding(Position(symbol=symbol), (), ())


def book(holding: Holding, booking: Booking) -> Booked:
    """Return what a booking that changes this position does to the books of its instrument.

    A sale of more than is held is booked all the same: the position is then zero and the rest
    unexplained. It is explained by what comes beside our fills, and by a purchase made before the
    last known sale, which was only heard of later.
    """
    borne = bear(holding.position, booking)
    change = _Change(holding, booking)
    for flow in borne.flows:
        change.follow(flow)
    return change.done(borne)


def bear(held: Position, booking: Booking) -> Borne:
    """Return what of a booking a position can bear, and the position after it."""
    at, flow = booking.booked_at, _flow_at(held, booking)
    if MONEY.add(held.quantity, flow.base) >= 0:
        after = apply(held, flow, at)
        explained = _explained(after, booking, flow)
        if not explained:
            return Borne((flow,), after, ZERO)
        left, sale = explain(after, explained)
        return Borne((flow, sale), apply(left, sale, at), MONEY.minus(explained))
    if not held.quantity:
        return Borne((), sold_unheld(held, flow, at), MONEY.minus(flow.base))
    within, beyond = divide(flow, MONEY.minus(held.quantity))
    after = sold_unheld(apply(held, within, at), beyond, at)
    return Borne((within,), after, MONEY.minus(beyond.base))


def _flow_at(position: Position, booking: Booking) -> Flow:
    """Return the flow of a booking; what only leaves takes its cost along and earns nothing."""
    flow = flow_of_booking(booking)
    if booking.kind.is_trade or flow.base >= 0:
        return flow
    gone = min(MONEY.minus(flow.base), position.quantity)
    cost = position.cost_of(gone) if gone else ZERO
    return Flow(base=flow.base, quote=cost, notional=ZERO, fee_quote=ZERO)


def _explained(position: Position, booking: Booking, flow: Flow) -> Decimal:
    """Return how much of what nobody had this booking explains."""
    if not position.unexplained or flow.base <= 0:
        return ZERO
    sold_at = position.last_sold_at
    is_late = sold_at is not None and booking.booked_at <= sold_at
    return min(position.unexplained, flow.base) if booking.is_external or is_late else ZERO


class _Change:
    """A holding on its way through one booking."""

    def __init__(self, holding: Holding, booking: Booking) -> None:
        position, self._trips, self._lots = holding
        self._symbol = position.symbol
        self._booking = booking
        self._changed_lots: dict[str, Lot] = {}
        self._changed_trips: dict[str, RoundTrip] = {}

    def follow(self, flow: Flow) -> None:
        """Let lots and trips follow a flow that the position can bear."""
        at, source = self._booking.booked_at, self._booking.source_id
        if flow.base >= 0:
            self._add(open_lot(source, self._symbol, flow, at))
            self._extend(self._own_trip(), flow)
            return
        self._take(MONEY.minus(flow.base))
        self._sell(flow)

    def done(self, borne: Borne) -> Booked:
        return Booked(
            Holding(borne.position, self._trips, self._lots),
            tuple(self._changed_lots.values()),
            tuple(self._changed_trips.values()),
            borne.unexplained,
        )

    def _add(self, lot: Lot) -> None:
        self._changed_lots[lot.lot_id] = lot
        if lot.remaining:
            is_youngest = not self._lots or age(self._lots[-1]) < age(lot)
            lots = (*self._lots, lot)
            self._lots = lots if is_youngest else tuple(sorted(lots, key=age))

    def _take(self, quantity: Decimal) -> None:
        changed: Mapping[str, Lot] = {one.lot_id: one for one in sell_from(self._lots, quantity)}
        self._changed_lots.update(changed)
        touched = len(changed)  # the oldest ones, none left out between them
        left = tuple(one for one in changed.values() if one.remaining)
        self._lots = left + self._lots[touched:]

    def _own_trip(self) -> RoundTrip:
        is_external = self._booking.is_external
        own = (one for one in self._trips if is_external_source(one.trip_id) is is_external)
        begun = next(own, None)
        if begun is not None:
            return begun
        booking = self._booking
        trip = begin_trip(booking.source_id, self._symbol, booking.booked_at)
        return replace(trip, origin=booking.origin, decision_id=booking.decision_id)

    def _sell(self, flow: Flow) -> None:
        """Sell out of the trip of whoever sells first, then out of the other one."""
        is_external = self._booking.is_external
        for trip in sorted(
            self._trips, key=lambda one: is_external_source(one.trip_id) is not is_external
        ):
            held = trip.held
            if MONEY.add(held, flow.base) >= 0:
                self._extend(trip, flow)
                return
            part, flow = divide(flow, MONEY.minus(held))
            self._extend(trip, part)

    def _extend(self, trip: RoundTrip, flow: Flow) -> None:
        after = extend(trip, flow)
        others = tuple(one for one in self._trips if one.trip_id != trip.trip_id)
        if after.held:
            self._trips = (*others, after)
        else:
            after = close(after, self._booking.booked_at, self._booking.exit_reason)
            self._trips = others
        self._changed_trips[after.trip_id] = after


def follow(
    trip: RoundTrip | None, fill: Fill, flow: Flow, *, is_open: bool, reason: ExitReason | None
) -> RoundTrip:
    """Return the one round trip after a fill where nobody else trades, closed when it is over."""
    current = trip or begin_trip(source_of(fill), fill.symbol, fill.filled_at)
    extended = extend(current, flow)
    return extended if is_open else close(extended, fill.filled_at, reason)


def position_changed(account: AccountId, position: Position, fill: Fill) -> PositionChanged:
    return position_moved(account, position, fill.filled_at, fill.trade_id)


def position_moved(
    account: AccountId,
    position: Position,
    at: datetime,
    what: TradeId,
    moved: Decimal | None = None,
) -> PositionChanged:
    """Return the fact of a position after `what`: a trade, or a movement by its id, of `moved`."""
    return PositionChanged(
        account=account,
        symbol=position.symbol,
        quantity=position.quantity,
        average_cost=position.average_cost,
        realized_pnl=position.realized_pnl,
        changed_at=at,
        trade_id=what,
        moved=moved,
    )


def round_trip_closed(account: AccountId, trip: RoundTrip) -> RoundTripClosed | None:
    """Return the fact of a trip of ours that has come to its end, else None."""
    if trip.closed_at is None or is_external_source(trip.trip_id):
        return None
    return RoundTripClosed(
        account=account,
        trip_id=trip.trip_id,
        symbol=trip.symbol,
        opened_at=trip.opened_at,
        closed_at=trip.closed_at,
        cost=trip.cost,
        pnl=trip.pnl,
        exit_reason=trip.exit_reason,
    )

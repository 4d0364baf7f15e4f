"""The books of one account: everything one booking changes, in one step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from portfolio.core.bearing import Borne, bear
from portfolio.core.booking import Booking, is_external_source
from portfolio.core.currencies import Currencies, currencies_of
from portfolio.core.flow import Flow, divide, source_of
from portfolio.core.lots import Lot, age, open_lot, sell_from
from portfolio.core.position import Position
from portfolio.core.trades import RoundTrip, begin_trip, close, extend
from shared.domain.enums import ExitReason, Interval
from shared.domain.events import PositionChanged, RoundTripClosed
from shared.domain.ids import AccountId, Symbol, TradeId
from shared.domain.order import Fill
from shared.domain.values import MONEY


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

    `unexplained` as in `Borne`.
    """

    holding: Holding
    changed_lots: tuple[Lot, ...]
    changed_trips: tuple[RoundTrip, ...]
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
        return RoundTrip(
            trip_id=booking.source_id,
            symbol=self._symbol,
            opened_at=booking.booked_at,
            origin=booking.origin,
            decision_id=booking.decision_id,
        )

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

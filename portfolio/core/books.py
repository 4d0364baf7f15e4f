"""The books of one account: everything one fill changes, in one step."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from portfolio.core.flow import Flow, flow_of, source_of
from portfolio.core.lots import Lot, age, open_lot, sell_from
from portfolio.core.position import Position, apply
from portfolio.core.trades import RoundTrip, begin_trip, close, extend
from shared.domain.enums import ExitReason, Interval
from shared.domain.events import PositionChanged, RoundTripClosed
from shared.domain.ids import AccountId, Symbol
from shared.domain.order import Fill
from shared.domain.values import MONEY


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksPolicy:
    """Whose books, what they start with, and how many shards make one instant complete."""

    account: AccountId
    quote: str
    opening_balance: Decimal
    interval: Interval
    shard_count: int


class Holding(NamedTuple):
    """One instrument in the books: the position, its open round trip, its lots oldest first."""

    position: Position
    trip: RoundTrip | None
    lots: tuple[Lot, ...]


class Booked(NamedTuple):
    """What one fill did: the new holding, and the lots and the trip it changed."""

    holding: Holding
    changed_lots: tuple[Lot, ...]
    trip: RoundTrip


def flat(symbol: Symbol) -> Holding:
    return Holding(Position(symbol=symbol), None, ())


def book(holding: Holding, fill: Fill, reason: ExitReason | None) -> Booked:
    """Return what the fill does to the books of its instrument."""
    flow = flow_of(fill)
    position = apply(holding.position, flow, fill.filled_at)
    trip = follow(holding.trip, fill, flow, is_open=position.is_open, reason=reason)
    changed, lots = _lots_after(holding.lots, fill, flow)
    still_open = trip if position.is_open else None
    return Booked(Holding(position, still_open, lots), changed, trip)


def follow(
    trip: RoundTrip | None, fill: Fill, flow: Flow, *, is_open: bool, reason: ExitReason | None
) -> RoundTrip:
    """Return the round trip after a fill, closed when the position is."""
    current = trip or begin_trip(source_of(fill), fill.symbol, fill.filled_at)
    extended = extend(current, flow)
    return extended if is_open else close(extended, fill.filled_at, reason)


def position_changed(account: AccountId, position: Position, fill: Fill) -> PositionChanged:
    return PositionChanged(
        account=account,
        symbol=position.symbol,
        quantity=position.quantity,
        average_cost=position.average_cost,
        realized_pnl=position.realized_pnl,
        changed_at=fill.filled_at,
        trade_id=fill.trade_id,
    )


def round_trip_closed(account: AccountId, trip: RoundTrip) -> RoundTripClosed | None:
    """Return the fact of a trip that has come to its end, None while it goes on."""
    if trip.closed_at is None:
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


def _lots_after(
    lots: tuple[Lot, ...], fill: Fill, flow: Flow
) -> tuple[tuple[Lot, ...], tuple[Lot, ...]]:
    if flow.base >= 0:
        lot = open_lot(source_of(fill), fill.symbol, flow, fill.filled_at)
        return (lot,), tuple(sorted((*lots, lot), key=age))
    changed = tuple(sell_from(lots, MONEY.minus(flow.base)))
    by_id: Mapping[str, Lot] = {lot.lot_id: lot for lot in changed}
    current = (by_id.get(lot.lot_id, lot) for lot in lots)
    return changed, tuple(lot for lot in current if lot.remaining)

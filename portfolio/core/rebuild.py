"""Works the books of an account out again, from its bookings alone."""

from collections.abc import Mapping
from typing import NamedTuple

from portfolio.core.booking import Booking, SourceKind, booking_of
from portfolio.core.books import Holding, book, flat
from portfolio.core.ledger import Entry, entries_of, unexplained_entries
from portfolio.core.lots import Lot
from portfolio.core.movements import Movement
from portfolio.core.purses import Balance, balances_after
from portfolio.core.trades import RoundTrip
from shared.domain.ids import AccountId, Symbol
from shared.domain.order import Fill
from shared.domain.values import MONEY, ZERO, exact


class Redone(NamedTuple):
    """What one booking made once more: its entries, and the lots and trips that are over by it."""

    entries: tuple[Entry, ...]
    lots: tuple[Lot, ...]
    trips: tuple[RoundTrip, ...]


class Fold:
    """The books up to the booking seen last; what is over is handed out and not kept."""

    def __init__(self, account: AccountId) -> None:
        self.account = account
        self.bookings = 0
        self.contributed = ZERO
        self.holdings: dict[Symbol, Holding] = {}
        self.balances: dict[str, Balance] = {}

    def see(self, booking: Booking) -> Redone:
        self.bookings += 1
        if booking.worth:
            self.contributed = exact(MONEY.add(self.contributed, booking.worth))
        entries = entries_of(booking) if booking.amount or booking.fee else ()
        symbol, lots, trips = booking.changed_symbol, (), ()
        if symbol is not None:
            after = book(self.holdings.get(symbol) or flat(symbol), booking)
            self.holdings[symbol] = after.holding
            entries += unexplained_entries(booking, after.unexplained)
            lots = tuple(one for one in after.changed_lots if not one.remaining)
            trips = tuple(one for one in after.changed_trips if one.closed_at is not None)
        self.balances |= balances_after(self.balances, self.account, entries)
        return Redone(entries, lots, trips)

    def open_lots(self) -> tuple[Lot, ...]:
        return tuple(lot for one in self.holdings.values() for lot in one.lots)

    def open_trips(self) -> tuple[RoundTrip, ...]:
        return tuple(trip for one in self.holdings.values() for trip in one.trips)


def as_told(booking: Booking, fill: Fill) -> Mapping[str, object]:
    """Return what a fill says about its booking, by the names of the columns."""
    told = booking_of(
        fill, booking.exit_reason, fee_price=booking.fee_price, fee_purse=booking.fee_purse
    )
    return {name: getattr(told, name) for name in _TOLD_BY_FILL}


def as_declared(movement: Movement) -> Mapping[str, object]:
    """Return what a movement says about its booking, by the names of the columns."""
    return {name: getattr(movement, name) for name in _TOLD_BY_MOVEMENT}


def is_declared(booking: Booking) -> bool:
    """Tell whether a person declared it: there is a movement of it."""
    return booking.kind in _DECLARED


_TOLD_BY_FILL = (
    "symbol",
    "asset",
    "amount",
    "price",
    "fee",
    "fee_asset",
    "counterparty",
    "reference_price",
    "booked_at",
)
_TOLD_BY_MOVEMENT = ("kind", "symbol", "asset", "amount", "price", "purse", "fee", "fee_asset")
_DECLARED = frozenset(
    {
        SourceKind.DEPOSIT,
        SourceKind.WITHDRAWAL,
        SourceKind.EXTERNAL_TRADE,
        SourceKind.ADJUSTMENT,
    }
)

"""What each cap leaves: one table of which limit caps which scope, read by checks and counters."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from risk.core.book import Book
from risk.core.company import cluster_of
from risk.core.limits import RiskLimits, as_ratio
from risk.core.usage import Scope, Use, asset_of
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument
from shared.domain.values import ZERO


class Cap(NamedTuple):
    """`limit`: the name of the limit that makes the cap."""

    limit: str
    base: Callable[[Book], Decimal]


def _equity(book: Book) -> Decimal:
    return book.equity


def _day_start(book: Book) -> Decimal:
    return book.day_start_equity


def _one(_book: Book) -> Decimal:
    return Decimal(1)


CAPS: Mapping[Scope, Cap] = {
    Scope.TOTAL: Cap("max_exposure_ratio", _equity),
    Scope.ASSET: Cap("max_position_ratio", _equity),
    Scope.SYMBOL: Cap("max_symbol_ratio", _equity),
    Scope.SOURCE: Cap("max_source_ratio", _equity),
    Scope.CLUSTER: Cap("max_cluster_ratio", _equity),
    Scope.VENUE: Cap("max_venue_ratio", _equity),
    Scope.DAY_LOSS: Cap("max_day_loss_ratio", _day_start),
    Scope.ORDERS_PER_MINUTE: Cap("max_orders_per_minute", _one),
    Scope.TRADES_PER_DAY: Cap("max_trades_per_day", _one),
}


class Room(NamedTuple):
    use: Use
    cap: Decimal

    @property
    def left(self) -> Decimal:
        """May be negative: the market moves what is held above its cap."""
        return self.cap - self.use.total


def cap_of(scope: Scope, book: Book, limits: RiskLimits) -> Decimal:
    limit, base = CAPS[scope]
    return as_ratio(getattr(limits, limit)) * base(book)


def total_room(book: Book, limits: RiskLimits) -> Room:
    return Room(book.usage.total, cap_of(Scope.TOTAL, book, limits))


def asset_room(symbol: Symbol, book: Book, limits: RiskLimits) -> Room:
    """Return the room of the base asset, over all its quotes."""
    use = book.usage.assets.get(asset_of(symbol), Use())
    return Room(use, cap_of(Scope.ASSET, book, limits))


def symbol_room(symbol: Symbol, book: Book, limits: RiskLimits) -> Room:
    return Room(book.use(symbol), cap_of(Scope.SYMBOL, book, limits))


def source_room(source: str, book: Book, limits: RiskLimits) -> Room:
    use = book.usage.sources.get(source, Use())
    return Room(use, cap_of(Scope.SOURCE, book, limits))


def venue_room(venue: str, book: Book, limits: RiskLimits) -> Room:
    return Room(book.usage.at_venue(venue), cap_of(Scope.VENUE, book, limits))


def day_loss_room(book: Book, limits: RiskLimits) -> Room:
    use = Use(position=book.lost_today, reserved=book.promised_loss)
    return Room(use, cap_of(Scope.DAY_LOSS, book, limits))


def cluster_of_entry(symbol: Symbol, book: Book, limits: RiskLimits) -> frozenset[Symbol]:
    """Return what would move as one with the instrument, itself among it."""
    known, threshold = book.markets.correlations, limits.cluster_correlation
    return cluster_of(symbol, book.used_symbols, known, threshold)


def cluster_room(symbol: Symbol, book: Book, limits: RiskLimits) -> Room | None:
    """Return the room of the instrument's cluster, None for one that moves alone."""
    members = cluster_of_entry(symbol, book, limits)
    if len(members) == 1:
        return None
    return Room(book.usage.together(sorted(members)), cap_of(Scope.CLUSTER, book, limits))


def cash_room(symbol: Symbol, book: Book) -> Room:
    """Return the room in the cash there is of the instrument's own quote."""
    return Room(Use(reserved=book.reserved_for(symbol)), book.cash_for(symbol))


def headroom(instrument: Instrument, source: str, book: Book, limits: RiskLimits) -> Decimal:
    """Return what may still be spent on an instrument without passing any cap of its money."""
    symbol = instrument.symbol
    rooms = (
        asset_room(symbol, book, limits),
        symbol_room(symbol, book, limits),
        total_room(book, limits),
        source_room(source, book, limits),
        venue_room(instrument.venue, book, limits),
        cluster_room(symbol, book, limits),
    )
    return min(cash_room(symbol, book).left, *(room.left for room in rooms if room is not None))


def affordable_loss(book: Book, limits: RiskLimits) -> Decimal:
    """Return what the stops of further entries may still lose today."""
    return max(day_loss_room(book, limits).left, ZERO)

"""What the book uses of each cap, as kept in the counters."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from risk.core import rooms
from risk.core.book import Book
from risk.core.company import clusters_among
from risk.core.limits import RiskLimits
from risk.core.rooms import Room, cap_of
from risk.core.usage import NO_USE, Scope, Use, asset_of
from shared.domain.ids import Symbol
from shared.domain.values import ZERO, exact

Key = tuple[Scope, str]
WHOLE: Key = (Scope.TOTAL, "")
DAY_LOSS: Key = (Scope.DAY_LOSS, "")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """`key`: the asset, instrument, source, cluster's first instrument, venue, minute or day.

    Empty for the whole account. `external`: what orders that are not ours may still buy. Of a
    count, and of the day's loss so far, `position` is what was used, `reserved` what is promised.
    """

    scope: Scope
    key: str
    cap: Decimal
    reserved: Decimal
    position: Decimal
    external: Decimal = ZERO

    @property
    def used(self) -> Decimal:
        return exact(self.reserved + self.position + self.external)

    @property
    def headroom(self) -> Decimal:
        return max(exact(self.cap - self.used), ZERO)


Counters = Mapping[Key, tuple[Counter, int]]
"""Counters by scope and key, each with the version of its row."""


class Entries(NamedTuple):
    """Entries approved so far: in the day decided on, and in this minute."""

    today: int
    this_minute: int


def entries_of(counters: Counters, day: date, now: datetime) -> Entries:
    return Entries(
        today=_counted(counters, (Scope.TRADES_PER_DAY, day_key(day))),
        this_minute=_counted(counters, (Scope.ORDERS_PER_MINUTE, minute_key(now))),
    )


def count(keys: Iterable[Key], book: Book, limits: RiskLimits) -> list[Counter]:
    """Return the counters of money with these keys; one that nothing uses any more is zero."""
    return [_counter(key, _room(key, book, limits)) for key in sorted(set(keys))]


def all_keys(book: Book, limits: RiskLimits) -> set[Key]:
    """Return every key that money counts under now."""
    return keys_of(book.usage.symbols, book, limits)


def keys_of(symbols: Iterable[Symbol], book: Book, limits: RiskLimits) -> set[Key]:
    """Return the keys of these instruments and their assets, and of all wider scopes."""
    known, threshold = book.markets.correlations, limits.cluster_correlation
    clusters = clusters_among(book.used_symbols, known, threshold)
    return {
        *_wide_keys(book),
        *((Scope.CLUSTER, min(members)) for members in clusters),
        *((Scope.SYMBOL, symbol) for symbol in symbols),
        *((Scope.ASSET, asset_of(symbol)) for symbol in symbols),
    }


def keys_entered(
    symbols: Iterable[Symbol], book: Book, limits: RiskLimits, known: Iterable[Key]
) -> set[Key]:
    """Return what entries of these instruments move; of `known`, clusters that theirs contain."""
    found = _wide_keys(book)
    clusters = {name for scope, name in known if scope is Scope.CLUSTER}
    for symbol in symbols:
        members = rooms.cluster_of_entry(symbol, book, limits)
        found |= {(Scope.SYMBOL, symbol), (Scope.ASSET, asset_of(symbol))}
        found |= {(Scope.CLUSTER, name) for name in clusters & members}
        if len(members) > 1:
            found.add((Scope.CLUSTER, min(members)))
    return found


def _wide_keys(book: Book) -> set[Key]:
    return {
        WHOLE,
        DAY_LOSS,
        *((Scope.SOURCE, source) for source in book.usage.sources),
        *((Scope.VENUE, venue) for venue in book.venues.values()),
    }


def is_of_money(key: Key) -> bool:
    return key[0] not in (Scope.TRADES_PER_DAY, Scope.ORDERS_PER_MINUTE)


def is_past(key: Key, now: datetime) -> bool:
    """Tell whether a count is of a minute, or of a day before yesterday, that nobody asks about."""
    scope, name = key
    if scope is Scope.ORDERS_PER_MINUTE:
        return name < minute_key(now)
    return scope is Scope.TRADES_PER_DAY and name < day_key(now.date() - _DAY)


def pace_counters(book: Book, limits: RiskLimits, day: date, now: datetime) -> list[Counter]:
    """Return how many entries were approved in a day and in a minute."""
    counted = (
        ((Scope.TRADES_PER_DAY, day_key(day)), book.trades_today),
        ((Scope.ORDERS_PER_MINUTE, minute_key(now)), book.orders_this_minute),
    )
    return [
        _counter(key, Room(Use(position=Decimal(number)), cap_of(key[0], book, limits)))
        for key, number in counted
    ]


def day_key(day: date) -> str:
    return day.isoformat()


def minute_key(now: datetime) -> str:
    return f"{now:%Y-%m-%dT%H:%M}"


def _counted(counters: Counters, key: Key) -> int:
    found = counters.get(key)
    return 0 if found is None else int(found[0].position)


def _room(key: Key, book: Book, limits: RiskLimits) -> Room:
    scope, name = key
    if scope is Scope.DAY_LOSS:
        return rooms.day_loss_room(book, limits)
    usage = book.usage
    uses: dict[Scope, Callable[[], Use]] = {
        Scope.TOTAL: lambda: usage.total,
        Scope.ASSET: lambda: usage.assets.get(name, NO_USE),
        Scope.SYMBOL: lambda: book.use(Symbol(name)),
        Scope.SOURCE: lambda: usage.sources.get(name, NO_USE),
        Scope.VENUE: lambda: usage.at_venue(name),
        Scope.CLUSTER: lambda: _cluster_use(Symbol(name), book, limits),
    }
    return Room(uses[scope](), cap_of(scope, book, limits))


def _cluster_use(first: Symbol, book: Book, limits: RiskLimits) -> Use:
    """Return the use of the cluster that begins with this instrument, none where none does."""
    if first not in book.used_symbols:
        return NO_USE
    members = sorted(rooms.cluster_of_entry(first, book, limits))
    if len(members) == 1 or members[0] != first:
        return NO_USE
    return book.usage.together(members)


def _counter(key: Key, room: Room) -> Counter:
    scope, name = key
    return Counter(
        scope=scope,
        key=name,
        cap=max(exact(room.cap), ZERO),
        reserved=exact(room.use.reserved),
        position=exact(room.use.position),
        external=exact(room.use.external),
    )

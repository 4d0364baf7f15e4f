"""What the book uses of each cap, as kept in the counters."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from risk.core.book import Book
from risk.core.limits import RiskLimits
from shared.domain.ids import Symbol
from shared.domain.values import ZERO, exact


class Scope(StrEnum):
    TOTAL = "total"
    SYMBOL = "symbol"
    TRADES_PER_DAY = "trades_per_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """`key`: the instrument, the day, or empty for the whole account.

    `external`: what orders on the account that are not ours may still buy.
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


Counters = Mapping[tuple[Scope, str], tuple[Counter, int]]
"""Counters by scope and key, each with the version of its row."""


def money_counters(book: Book, limits: RiskLimits, symbols: Iterable[Symbol]) -> list[Counter]:
    """Return the counters of the account as a whole and of these instruments."""
    whole = Counter(
        scope=Scope.TOTAL,
        key="",
        cap=_cap(limits.exposure_cap(book.equity)),
        reserved=book.reserved_total,
        position=book.position_total,
        external=book.external.total,
    )
    return [whole, *(_symbol_counter(book, limits, symbol) for symbol in sorted(set(symbols)))]


def _symbol_counter(book: Book, limits: RiskLimits, symbol: Symbol) -> Counter:
    return Counter(
        scope=Scope.SYMBOL,
        key=symbol,
        cap=_cap(limits.position_cap(book.equity)),
        reserved=book.reserved(symbol),
        position=book.position(symbol),
        external=book.external.amount(symbol),
    )


def trades_counter(book: Book, limits: RiskLimits, day: date) -> Counter:
    return Counter(
        scope=Scope.TRADES_PER_DAY,
        key=day.isoformat(),
        cap=Decimal(limits.max_trades_per_day),
        reserved=ZERO,
        position=Decimal(book.trades_today),
    )


def trades_on(counters: Counters, day: date) -> int:
    """Return how many entries were approved on a day, from counters by scope and key."""
    found = counters.get((Scope.TRADES_PER_DAY, day.isoformat()))
    return 0 if found is None else int(found[0].position)


def _cap(cap: Decimal) -> Decimal:
    return max(exact(cap), ZERO)

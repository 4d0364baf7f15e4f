"""Double entry: every movement is written twice, and each asset's entries sum to zero."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from portfolio.core.flow import source_of, times
from shared.domain.enums import Side
from shared.domain.ids import AccountId, derive
from shared.domain.instrument import split_symbol
from shared.domain.order import Fill
from shared.domain.values import MONEY, ZERO, exact

FEES = "fees"
OPENING = "opening"
NOTIONAL_LEGS = (2, 3)
"""Of a fill's legs those in quote: what the seller got, and what the buyer gave."""


class SourceKind(StrEnum):
    OPENING = "opening"
    FILL = "fill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One leg: `amount` is what `holder` gained (negative: gave) of `asset`."""

    entry_id: str
    holder: str
    asset: str
    amount: Decimal
    source_kind: SourceKind
    source_id: str
    leg: int
    booked_at: datetime


def opening_entries(
    account: AccountId, asset: str, amount: Decimal, booked_at: datetime
) -> tuple[Entry, ...]:
    """Return the legs of the deposit an account starts with."""
    movements = ((account, asset, amount), (OPENING, asset, MONEY.minus(amount)))
    return _entries(SourceKind.OPENING, account, booked_at, movements)


def fill_entries(fill: Fill) -> tuple[Entry, ...]:
    """Return the legs of one fill: base and quote against the venue, the fee against fees."""
    base, quote = split_symbol(fill.symbol)
    venue = f"venue:{fill.venue}"
    notional = times(fill.quantity, fill.price)
    buyer, seller = (fill.account, venue) if fill.side is Side.BUY else (venue, fill.account)
    movements = (
        (buyer, base, fill.quantity),
        (seller, base, MONEY.minus(fill.quantity)),
        (seller, quote, notional),
        (buyer, quote, MONEY.minus(notional)),
        (fill.account, fill.fee_asset, MONEY.minus(fill.fee)),
        (FEES, fill.fee_asset, fill.fee),
    )
    legs = movements if fill.fee else movements[:4]
    return _entries(SourceKind.FILL, source_of(fill), fill.filled_at, legs)


def balances_of(holder: str, entries: Iterable[Entry]) -> dict[str, Decimal]:
    """Return what the entries leave with one holder, by asset."""
    totals: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for entry in entries:
        if entry.holder == holder:
            totals[entry.asset] = exact(MONEY.add(totals[entry.asset], entry.amount))
    return dict(totals)


def imbalance(entries: Iterable[Entry]) -> dict[str, Decimal]:
    """Return the assets whose entries do not sum to zero; empty when the books balance."""
    totals: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for entry in entries:
        totals[entry.asset] = MONEY.add(totals[entry.asset], entry.amount)
    return {asset: total for asset, total in totals.items() if total}


def _entries(
    kind: SourceKind,
    source: str,
    booked_at: datetime,
    movements: tuple[tuple[str, str, Decimal], ...],
) -> tuple[Entry, ...]:
    return tuple(
        Entry(
            entry_id=derive("ledger", kind, source, str(leg)),
            holder=holder,
            asset=asset,
            amount=amount,
            source_kind=kind,
            source_id=source,
            leg=leg,
            booked_at=booked_at,
        )
        for leg, (holder, asset, amount) in enumerate(movements)
    )

"""Double entry: every movement is written twice, and each asset's entries sum to zero."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portfolio.core.booking import Booking, Purse, SourceKind, booking_of
from portfolio.core.flow import times
from shared.domain.ids import AccountId
from shared.domain.instrument import split_symbol
from shared.domain.order import Fill
from shared.domain.values import MONEY, ZERO, exact

__all__ = [
    "FEES",
    "NOTIONAL_LEGS",
    "OPENING",
    "Entry",
    "SourceKind",
    "aside_of",
    "balances_of",
    "entries_of",
    "fill_entries",
    "imbalance",
    "opening_booking",
    "unexplained_entries",
    "unexplained_of",
]

FEES = "fees"
OPENING = "opening"
NOTIONAL_LEGS = (2, 3)
"""Of a trade's legs those in quote: what the account gave or got, and the other side of it."""

_UNEXPLAINED_LEG = 10  # they stand in the same booking, behind whatever else it has

_Leg = tuple[str, str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One leg: `amount` is what `holder` gained (negative: gave) of `asset`."""

    holder: str
    asset: str
    amount: Decimal
    source_kind: SourceKind
    source_id: str
    leg: int
    booked_at: datetime


def aside_of(account: AccountId) -> str:
    """Return who holds what lies on the account and is not ours to trade."""
    return f"aside:{account}"


def unexplained_of(account: AccountId) -> str:
    """Return who owes what was sold and nobody had."""
    return f"unexplained:{account}"


def opening_booking(
    account: AccountId, asset: str, amount: Decimal, booked_at: datetime
) -> Booking:
    """Return what an account of invented money starts with."""
    return Booking(
        account=account,
        kind=SourceKind.OPENING,
        source_id=account,
        asset=asset,
        amount=amount,
        counterparty=OPENING,
        booked_at=booked_at,
        worth=amount,
    )


def entries_of(booking: Booking) -> tuple[Entry, ...]:
    """Return the legs of one booking, the account's first: asset, notional, fee."""
    holder = _holder(booking.account, booking.purse)
    other, amount = booking.counterparty, booking.amount
    legs: list[_Leg] = [
        (holder, booking.asset, amount),
        (other, booking.asset, MONEY.minus(amount)),
    ]
    if booking.kind.is_trade:
        assert booking.symbol is not None
        quote = split_symbol(booking.symbol)[1]
        value = times(amount, booking.price or ZERO)
        legs += [(booking.account, quote, MONEY.minus(value)), (other, quote, value)]
    if booking.fee:
        payer = _holder(booking.account, booking.fee_purse)
        legs += [
            (payer, booking.fee_asset, MONEY.minus(booking.fee)),
            (FEES, booking.fee_asset, booking.fee),
        ]
    return _entries(booking.kind, booking, legs, 0)


def fill_entries(fill: Fill) -> tuple[Entry, ...]:
    return entries_of(booking_of(fill, None))


def unexplained_entries(booking: Booking, quantity: Decimal) -> tuple[Entry, ...]:
    """Return the legs of what was sold and nobody had; negative where that is explained again."""
    if not quantity:
        return ()
    legs: list[_Leg] = [
        (booking.account, booking.asset, quantity),
        (unexplained_of(booking.account), booking.asset, MONEY.minus(quantity)),
    ]
    return _entries(SourceKind.UNEXPLAINED, booking, legs, _UNEXPLAINED_LEG)


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


def _holder(account: AccountId, purse: Purse) -> str:
    return account if purse is Purse.TRADING else aside_of(account)


def _entries(kind: SourceKind, booking: Booking, legs: list[_Leg], first: int) -> tuple[Entry, ...]:
    return tuple(
        Entry(
            holder=holder,
            asset=asset,
            amount=amount,
            source_kind=kind,
            source_id=booking.source_id,
            leg=leg,
            booked_at=booking.booked_at,
        )
        for leg, (holder, asset, amount) in enumerate(legs, start=first)
    )

"""What the books of an account begin with, and what they were begun in."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select

from portfolio.core.booking import Booking, SourceKind
from portfolio.core.books import BooksPolicy
from portfolio.core.ledger import opening_booking
from portfolio.core.valuing import Valuer
from portfolio.repository.curve import prices
from portfolio.tables import bookings
from shared.db.statements import Prepared, given
from shared.domain.ids import AccountId

_OPENED_IN = Prepared(
    select(bookings.c.asset).where(
        given(bookings.c.source_id), bookings.c.kind == SourceKind.OPENING
    )
)


def opening_bookings(connection: Connection, policy: BooksPolicy, now: datetime) -> list[Booking]:
    """Return what is booked first; money of other quotes counts at what it is worth by then."""
    account = policy.account
    first = opening_booking(account, policy.quote, policy.opening_balance, now)
    if not policy.opening_balances:
        return [first]
    valuer = Valuer(policy=policy, prices=prices(connection))
    others = [
        replace(
            opening_booking(account, asset, amount, now),
            source_id=f"{account}:{asset}",
            worth=valuer.cash(asset, amount),
        )
        for asset, amount in sorted(policy.opening_balances.items())
    ]
    return [first, *others]


def opened_in(connection: Connection, account: AccountId) -> str | None:
    """Return the currency that the books of an account were opened in, None before they are."""
    return _OPENED_IN.value(connection, source_id=account)

"""The bookings of an account and their entries: appended, never changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from portfolio.core.booking import Booking, Purse
from portfolio.core.ledger import Entry, SourceKind
from portfolio.tables import accounts, bookings, ledger_entries
from shared.db.dialect import for_update, insert_missing
from shared.db.statements import Prepared, among, as_row, given
from shared.domain.enums import ExitReason
from shared.domain.ids import AccountId, DecisionId, Symbol
from shared.domain.values import MONEY, ZERO, exact

_PAGE = 5_000
_ACCOUNT = Prepared(select(accounts).where(given(accounts.c.account)))
_LOCKED = Prepared(for_update(select(accounts).where(given(accounts.c.account))))
_SAVE_ACCOUNT = Prepared(
    update(accounts)
    .where(accounts.c.account == bindparam("whose", type_=accounts.c.account.type))
    .values(
        bookings=bindparam("bookings"),
        contributed=bindparam("contributed", type_=accounts.c.contributed.type),
        unmarked=bindparam("unmarked", type_=accounts.c.unmarked.type),
    )
)
_KNOWN = Prepared(
    select(bookings.c.source_id).where(
        given(bookings.c.account), given(bookings.c.kind), among(bookings.c.source_id, "sources")
    )
)
_AFTER = Prepared(
    select(bookings)
    .where(given(bookings.c.account), bookings.c.seq > bindparam("after"))
    .order_by(bookings.c.seq)
    .limit(_PAGE)
)
_TO_BOOKINGS = Prepared(insert(bookings))
_TO_LEDGER = Prepared(insert(ledger_entries))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is kept of an account itself: how many bookings, and what was put in beside trading."""

    account: AccountId
    bookings: int
    contributed: Decimal
    unmarked: Decimal


class Posted(NamedTuple):
    """A booking with its entries; both are numbered when they are written down."""

    booking: Booking
    entries: tuple[Entry, ...]


def lock_account(connection: Connection, account: AccountId) -> Account:
    """Lock the books of an account for this transaction; they may have no booking yet."""
    found = _LOCKED.first(connection, account=account)
    if found is None:
        row = {"account": account, "bookings": 0, "contributed": ZERO, "unmarked": ZERO}
        insert_missing(connection, accounts, [row])
        found = _LOCKED.first(connection, account=account)
    return _account(found)


def account_of(connection: Connection, account: AccountId) -> Account | None:
    """Return what is kept of an account, unlocked; None where no books were opened."""
    found = _ACCOUNT.first(connection, account=account)
    return None if found is None or not found.bookings else _account(found)


def append(connection: Connection, account: Account, new: Sequence[Posted]) -> Account:
    """Write bookings and their entries down after those there are."""
    rows: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    worth = ZERO
    for number, (booking, legs) in enumerate(new, start=account.bookings + 1):
        rows.append({**as_row(booking), "seq": number})
        entries += [{**as_row(one), "account": account.account, "booking": number} for one in legs]
        worth = MONEY.add(worth, booking.worth)
    _TO_BOOKINGS.run(connection, rows)
    _TO_LEDGER.run(connection, entries)
    after = Account(
        account=account.account,
        bookings=account.bookings + len(new),
        contributed=exact(MONEY.add(account.contributed, worth)),
        unmarked=exact(MONEY.add(account.unmarked, worth)),
    )
    save_account(connection, after)
    return after


def save_account(connection: Connection, account: Account) -> None:
    row = {name: value for name, value in as_row(account).items() if name != "account"}
    _SAVE_ACCOUNT.run(connection, [{**row, "whose": account.account}])


def already_booked(
    connection: Connection, account: AccountId, kind: SourceKind, sources: Sequence[str]
) -> set[str]:
    """Return those of the sources that are booked."""
    return set(_KNOWN.column(connection, account=account, kind=kind, sources=list(sources)))


def in_order(connection: Connection, account: AccountId) -> Iterator[tuple[int, Booking]]:
    """Yield the bookings of an account with their numbers, in pages."""
    after = 0
    while rows := _AFTER.rows(connection, account=account, after=after):
        for row in rows:
            yield row.seq, booking_from(row)
        after = rows[-1].seq


def booking_from(row: Any) -> Booking:
    return Booking(
        account=AccountId(row.account),
        kind=SourceKind(row.kind),
        source_id=row.source_id,
        asset=row.asset,
        amount=row.amount,
        counterparty=row.counterparty,
        booked_at=row.booked_at,
        symbol=None if row.symbol is None else Symbol(row.symbol),
        price=row.price,
        purse=Purse(row.purse),
        fee=row.fee,
        fee_asset=row.fee_asset,
        fee_price=row.fee_price,
        fee_purse=Purse(row.fee_purse),
        exit_reason=None if row.exit_reason is None else ExitReason(row.exit_reason),
        worth=row.worth,
        reference_price=row.reference_price,
        origin=row.origin,
        decision_id=None if row.decision_id is None else DecisionId(row.decision_id),
    )


def _account(row: Any) -> Account:
    return Account(
        account=AccountId(row.account),
        bookings=row.bookings,
        contributed=row.contributed,
        unmarked=row.unmarked,
    )

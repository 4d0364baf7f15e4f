"""The rows of the books as they are stored, read beside what they should be, and put right."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Column, Connection, Table, bindparam, delete, func, select

from portfolio.tables import accounts, balances, ledger_entries, positions, round_trips, tax_lots
from shared.db.dialect import upsert
from shared.db.statements import Prepared, among, given
from shared.domain.ids import AccountId

_AT_ONCE = 500
ENTRY: tuple[str, ...] = (
    "leg",
    "holder",
    "asset",
    "amount",
    "source_kind",
    "source_id",
    "booked_at",
)
"""What an entry says, in this order."""
_ENTRIES = Prepared(
    select(ledger_entries.c.booking, *(ledger_entries.c[name] for name in ENTRY))
    .where(
        given(ledger_entries.c.account),
        ledger_entries.c.booking.between(bindparam("first"), bindparam("last")),
    )
    .order_by(ledger_entries.c.booking, ledger_entries.c.leg)
)
_LAST_ENTRY = Prepared(
    select(func.max(ledger_entries.c.booking).label("last")).where(given(ledger_entries.c.account))
)


class Projection:
    """One table of the books: rows of an account by one key column.

    `named` and `keys` are for tables of which that column alone is the primary key.
    """

    def __init__(self, table: Table, key: str) -> None:
        self.name = str(table.name)
        self.key = key
        self._table = table
        self._column: Column[Any] = table.c[key]
        mine = given(table.c.account)
        # by the key alone: beside an account, SQLite would read all its rows for each question
        self._named = Prepared(select(table).where(among(self._column, "names")))
        self._all = Prepared(select(table).where(mine).order_by(self._column))
        self._after = Prepared(
            select(self._column, table.c.account)
            .where(self._column > bindparam("after", type_=self._column.type))
            .order_by(self._column)
            .limit(_AT_ONCE)
        )
        self._count = Prepared(select(func.count().label("rows")).select_from(table).where(mine))

    def named(
        self, connection: Connection, names: Sequence[str]
    ) -> dict[str, Mapping[str, object]]:
        """Return the rows of these keys by their keys."""
        found: dict[str, Mapping[str, object]] = {}
        for start in range(0, len(names), _AT_ONCE):
            some = list(names[start : start + _AT_ONCE])
            some += some[-1:] * (_AT_ONCE - len(some))  # one length: one statement is kept
            for row in self._named.rows(connection, names=some):
                found[getattr(row, self.key)] = row._asdict()
        return found

    def all(self, connection: Connection, account: AccountId) -> dict[str, Mapping[str, object]]:
        rows = self._all.rows(connection, account=account)
        return {getattr(row, self.key): row._asdict() for row in rows}

    def keys(self, connection: Connection, account: AccountId) -> Iterator[str]:
        after = ""
        while page := self._after.rows(connection, after=after):
            yield from (row[0] for row in page if row.account == account)
            after = page[-1][0]

    def count(self, connection: Connection, account: AccountId) -> int:
        return int(self._count.value(connection, account=account))

    def write(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        key = tuple(column.name for column in self._table.primary_key)
        upsert(connection, self._table, rows, key=key)

    def remove(self, connection: Connection, account: AccountId, name: str) -> None:
        mine = (self._table.c.account == account, self._column == name)
        connection.execute(delete(self._table).where(*mine))


LOTS = Projection(tax_lots, "lot_id")
TRIPS = Projection(round_trips, "trip_id")
POSITIONS = Projection(positions, "symbol")
BALANCES = Projection(balances, "asset")
PROJECTIONS = frozenset({accounts.name, *(one.name for one in (LOTS, TRIPS, POSITIONS, BALANCES))})
"""The tables that can be worked out again."""


def entries_between(
    connection: Connection, account: AccountId, first: int, last: int
) -> dict[int, list[tuple[Any, ...]]]:
    """Return what the stored entries of these bookings say, in the order of their legs."""
    rows = _ENTRIES.rows(connection, account=account, first=first, last=last)
    return {number: [row[1:] for row in own] for number, own in groupby(rows, itemgetter(0))}


said_by = attrgetter(*ENTRY)


def last_entry(connection: Connection, account: AccountId) -> int:
    """Return the number of the last booking that has entries."""
    return int(_LAST_ENTRY.value(connection, account=account) or 0)

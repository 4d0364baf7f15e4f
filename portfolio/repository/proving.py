"""Proves the books: every stored row is what its bookings, fills and movements make of it.

The bookings are read once, in their order and in pages; beside each page stand its entries, fills
and movements, and the lots and trips that are over by it. Only what is still open is kept in
memory, and eight bytes for each lot and trip.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from portfolio.core.booking import Booking, SourceKind
from portfolio.core.proof import Proof, differing
from portfolio.core.purses import Balance
from portfolio.core.rebuild import Fold, Redone, as_declared, as_told, is_declared
from portfolio.repository import stored
from portfolio.repository.books import balance_row, lot_row, position_row, trip_row
from portfolio.repository.curve import last_point
from portfolio.repository.journal import Account, account_of, in_order, save_account
from portfolio.repository.movements import movements_named, unbooked_movements
from portfolio.repository.stored import Projection
from portfolio.repository.told import FillsTold
from shared.db.statements import as_row
from shared.domain.clock import EPOCH
from shared.domain.errors import TradingError
from shared.domain.ids import AccountId
from shared.domain.values import MONEY, ZERO, exact

_PAGE = 2_000
_BOOKINGS, _ENTRIES, _MOVEMENTS = "portfolio_bookings", "ledger_entries", "portfolio_movements"
_ACCOUNTS = "portfolio_accounts"
Row = Mapping[str, Any]


class Prover:
    """One look at all the books of an account; with an instant given, projections are put right."""

    def __init__(
        self,
        connection: Connection,
        account: AccountId,
        told: FillsTold,
        report: Callable[[int, int], None] = lambda _done, _total: None,
        *,
        repaired_at: datetime | None = None,
    ) -> None:
        self._connection, self._account, self._told = connection, account, told
        self._report, self._now = report, repaired_at
        self._fold = Fold(account)
        self._seen = {stored.LOTS.name: array("q"), stored.TRIPS.name: array("q")}
        self.proof = Proof()

    def prove(self) -> Proof:
        known = account_of(self._connection, self._account)
        total = 0 if known is None else known.bookings
        booked = in_order(self._connection, self._account)
        try:
            while page := list(islice(booked, _PAGE)):
                self._page(page)
                self._report(self._fold.bookings, max(total, self._fold.bookings))
        except TradingError as error:  # what cannot have happened ends the books here
            key = f"{self._account}/{self._fold.bookings}"
            self.proof.note(_BOOKINGS, key, "row", "booked", f"impossible: {error}")
            return self.proof
        self._end(total)
        return self.proof

    def _page(self, page: Sequence[tuple[int, Booking]]) -> None:
        redone: dict[int, Redone] = {}
        for number, booking in page:
            expected = self._fold.bookings + 1
            if number != expected:
                key = f"{self._account}/{expected}"
                self.proof.note(_BOOKINGS, key, "row", None, "a booking of this number")
                self._fold.bookings = number - 1
            redone[number] = self._fold.see(booking)
        self.proof.bookings += len(page)
        self._check_entries(page[0][0], page[-1][0], redone)
        self._check_fills([one for _, one in page if one.kind is SourceKind.FILL])
        self._check_movements([one for _, one in page if is_declared(one)])
        lots = (lot for one in redone.values() for lot in one.lots)
        self._check(stored.LOTS, [lot_row(self._account, one) for one in lots])
        trips = (trip for one in redone.values() for trip in one.trips)
        self._check(stored.TRIPS, [trip_row(self._account, one) for one in trips])

    def _check_entries(self, first: int, last: int, redone: Mapping[int, Redone]) -> None:
        found = stored.entries_between(self._connection, self._account, first, last)
        for number in found.keys() | redone.keys():
            rows = found.get(number, [])
            made = redone[number].entries if number in redone else ()
            self.proof.entries += len(rows)
            wanted = [stored.said_by(one) for one in made]
            if rows != wanted:
                self._name_entries(number, rows, wanted)

    def _name_entries(
        self, number: int, rows: Sequence[tuple[Any, ...]], wanted: Sequence[tuple[Any, ...]]
    ) -> None:
        there = {row[0]: dict(zip(stored.ENTRY, row, strict=True)) for row in rows}
        made = {row[0]: dict(zip(stored.ENTRY, row, strict=True)) for row in wanted}
        for leg in sorted(there.keys() | made.keys()):
            key = f"{self._account}/{number}/{leg}"
            self._compare(_ENTRIES, key, made.get(leg), there.get(leg))

    def _check_fills(self, booked: Sequence[Booking]) -> None:
        sources = [one.source_id for one in booked]
        told = self._told.by_source(self._connection, sources)
        self.proof.fills += len(told)
        for one in booked:
            fill = told.get(one.source_id)
            if fill is None:
                self.proof.note(_BOOKINGS, one.source_id, "row", "booked", "no such fill")
            else:
                self._compare(_BOOKINGS, one.source_id, as_told(one, fill), as_row(one))

    def _check_movements(self, booked: Sequence[Booking]) -> None:
        names = {one.source_id.rpartition(":")[2]: one for one in booked}
        told = movements_named(self._connection, self._account, list(names))
        for name, one in names.items():
            movement = told.get(name)
            if movement is None:
                self.proof.note(_BOOKINGS, one.source_id, "row", "booked", "no such movement")
            else:
                self._compare(_BOOKINGS, one.source_id, as_declared(movement), as_row(one))

    def _check(self, table: Projection, rows: Sequence[Row]) -> None:
        """Compare rows with those stored, and remember that they belong there."""
        names = [str(row[table.key]) for row in rows]
        self._seen[table.name].extend(hash(name) for name in names)
        found = table.named(self._connection, names)
        self._settle(table, rows, found)

    def _settle(
        self, table: Projection, rows: Iterable[Row], found: Mapping[str, Mapping[str, object]]
    ) -> None:
        wrong = [
            row
            for row in rows
            if not self._compare(table.name, str(row[table.key]), row, found.get(row[table.key]))
        ]
        if self._now is not None and wrong:
            table.write(self._connection, wrong)
            self.proof.repaired += len(wrong)

    def _compare(
        self,
        table: str,
        key: str,
        rebuilt: Mapping[str, object] | None,
        found: Mapping[str, object] | None,
    ) -> bool:
        if rebuilt is None or found is None:
            stored_, made = ("nothing" if one is None else "a row" for one in (found, rebuilt))
            self.proof.note(table, key, "row", stored_, made)
            return False
        wrong = [one for one in differing(rebuilt, found) if one[0] != "updated_at"]
        for column, was, is_ in wrong:
            self.proof.note(table, key, column, was, is_)
        return not wrong

    def _end(self, total: int) -> None:
        connection, account = self._connection, self._account
        last = max(total, stored.last_entry(connection, account))
        if last > self._fold.bookings:
            key = f"{account}/{self._fold.bookings + 1}"
            self.proof.note(_BOOKINGS, key, "row", None, f"bookings up to {last}")
        self._check(stored.LOTS, [lot_row(account, one) for one in self._fold.open_lots()])
        self._check(stored.TRIPS, [trip_row(account, one) for one in self._fold.open_trips()])
        self.proof.lots = len(self._seen[stored.LOTS.name])
        self.proof.trips = len(self._seen[stored.TRIPS.name])
        for table in (stored.LOTS, stored.TRIPS):
            self._find_extra(table)
        self._check_positions()
        self._check_balances()
        self._check_account()
        self._check_unbooked()

    def _find_extra(self, table: Projection) -> None:
        """Name what is stored and should not be there."""
        seen = self._seen[table.name]
        if table.count(self._connection, self._account) == len(seen):
            return
        known = sorted(seen)
        for name in table.keys(self._connection, self._account):
            place = bisect_left(known, hash(name))
            if place == len(known) or known[place] != hash(name):
                self._drop(table, name)

    def _drop(self, table: Projection, name: str) -> None:
        self.proof.note(table.name, name, "row", "a row", None)
        if self._now is not None:
            table.remove(self._connection, self._account, name)
            self.proof.repaired += 1

    def _check_positions(self) -> None:
        at = self._now or EPOCH
        held = {str(symbol): one.position for symbol, one in self._fold.holdings.items()}
        rows = [position_row(self._account, one, at) for one in held.values()]
        found = stored.POSITIONS.all(self._connection, self._account)
        self._settle(stored.POSITIONS, rows, found)
        for name in sorted(found.keys() - held.keys()):
            self._drop(stored.POSITIONS, name)

    def _check_balances(self) -> None:
        found = stored.BALANCES.all(self._connection, self._account)
        owned = self._fold.balances
        rows = [balance_row(self._account, one) for one in owned.values()]
        self._settle(stored.BALANCES, rows, found)
        for name in sorted(found.keys() - owned.keys()):
            nothing = balance_row(self._account, Balance(asset=name))
            if differing(nothing, found[name]):  # one of nothing was opened and never used
                self._drop(stored.BALANCES, name)

    def _check_account(self) -> None:
        found = account_of(self._connection, self._account)
        if found is None:
            return
        point = last_point(self._connection, self._account)
        marked = ZERO if point is None else point.contributed
        made = replace(
            found,
            bookings=self._fold.bookings,
            contributed=self._fold.contributed,
            unmarked=exact(MONEY.subtract(self._fold.contributed, marked)),
        )
        if not self._compare(_ACCOUNTS, self._account, as_row(made), as_row(found)):
            self._put_right(made)

    def _put_right(self, account: Account) -> None:
        if self._now is not None:
            save_account(self._connection, account)
            self.proof.repaired += 1

    def _check_unbooked(self) -> None:
        if self._told.count(self._connection) > self.proof.fills:
            for source, is_waiting in self._told.unbooked(self._connection):
                if is_waiting:
                    self.proof.waiting += 1
                else:
                    self.proof.note("fills", source, "row", "a fill", "a booking of it")
        for name in unbooked_movements(self._connection, self._account):
            self.proof.note(_MOVEMENTS, name, "row", "booked", "a booking of it")

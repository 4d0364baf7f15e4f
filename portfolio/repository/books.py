"""What fills change: ledger, balances, positions, lots and round trips."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from portfolio.core.books import Booked, BooksPolicy, Holding, flat
from portfolio.core.equity import Holdings, total
from portfolio.core.ledger import Entry, SourceKind, opening_entries
from portfolio.core.lots import Lot
from portfolio.core.position import Position
from portfolio.core.trades import RoundTrip
from portfolio.tables import (
    balances,
    ledger_entries,
    positions,
    round_trips,
    tax_lots,
)
from shared.db.dialect import for_update, insert_missing, upsert
from shared.db.statements import Prepared, among, as_row, given
from shared.domain.enums import ExitReason
from shared.domain.ids import AccountId, Symbol
from shared.domain.values import ZERO

_CASH = Prepared(
    for_update(select(balances.c.free).where(given(balances.c.account), given(balances.c.asset)))
)
_BALANCES = Prepared(select(balances.c.asset, balances.c.free).where(given(balances.c.account)))
_POSITIONS = Prepared(
    select(positions).where(given(positions.c.account)).order_by(positions.c.symbol)
)
_SOME_POSITIONS = Prepared(
    select(positions).where(given(positions.c.account), among(positions.c.symbol, "symbols"))
)
_OPEN_TRIPS = Prepared(
    select(round_trips).where(
        given(round_trips.c.account),
        among(round_trips.c.symbol, "symbols"),
        round_trips.c.closed_at.is_(None),
    )
)
_OPEN_LOTS = Prepared(
    select(tax_lots)
    .where(
        given(tax_lots.c.account),
        among(tax_lots.c.symbol, "symbols"),
        tax_lots.c.is_open.is_(True),
    )
    .order_by(tax_lots.c.acquired_at, tax_lots.c.lot_id)
)
_BOOKED = Prepared(
    select(ledger_entries.c.source_id).where(
        ledger_entries.c.source_kind == SourceKind.FILL,
        ledger_entries.c.leg == 0,
        among(ledger_entries.c.source_id, "sources"),
    )
)
_TO_LEDGER = Prepared(insert(ledger_entries))


def open_books(connection: Connection, policy: BooksPolicy, now: datetime) -> None:
    """Lock the account for this transaction; on the very first one, book the opening deposit."""
    key = {"account": policy.account, "asset": policy.quote}
    if _CASH.first(connection, **key) is not None:
        return
    amount = policy.opening_balance
    entries = opening_entries(policy.account, policy.quote, amount, now) if amount else ()
    insert_missing(connection, ledger_entries, [as_row(entry) for entry in entries])
    insert_missing(connection, balances, [{**key, "free": amount}])


def holdings_of(
    connection: Connection, account: AccountId, symbols: Iterable[Symbol]
) -> dict[Symbol, Holding]:
    """Return the holding of each instrument, flat where nothing was ever traded."""
    wanted = sorted(set(symbols))
    key = {"account": account, "symbols": wanted}
    held = {row.symbol: position_of(row) for row in _SOME_POSITIONS.rows(connection, **key)}
    trips = {row.symbol: trip_of(row) for row in _OPEN_TRIPS.rows(connection, **key)}
    lots: defaultdict[str, list[Lot]] = defaultdict(list)
    for row in _OPEN_LOTS.rows(connection, **key):
        lots[row.symbol].append(lot_of(row))
    return {
        symbol: Holding(
            held.get(symbol, flat(symbol).position), trips.get(symbol), tuple(lots[symbol])
        )
        for symbol in wanted
    }


def position_of(row: Row[Any]) -> Position:
    return Position(
        symbol=Symbol(row.symbol),
        quantity=row.quantity,
        cost_basis=row.cost_basis,
        realized_pnl=row.realized_pnl,
        fees=row.fees,
        opened_at=row.opened_at,
    )


def trip_of(row: Row[Any]) -> RoundTrip:
    return RoundTrip(
        trip_id=row.trip_id,
        symbol=Symbol(row.symbol),
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        bought=row.bought,
        sold=row.sold,
        cost=row.cost,
        proceeds=row.proceeds,
        fees=row.fees,
        exit_reason=None if row.exit_reason is None else ExitReason(row.exit_reason),
    )


def lot_of(row: Row[Any]) -> Lot:
    return Lot(
        lot_id=row.lot_id,
        symbol=Symbol(row.symbol),
        acquired_at=row.acquired_at,
        quantity=row.quantity,
        remaining=row.remaining,
        cost=row.cost,
        remaining_cost=row.remaining_cost,
    )


def already_booked(connection: Connection, sources: Sequence[str]) -> set[str]:
    """Return those of the fills that the ledger has."""
    return set(_BOOKED.column(connection, sources=list(sources)))


def save_fills(
    connection: Connection,
    account: AccountId,
    booked: Sequence[Booked],
    entries: Sequence[Entry],
    now: datetime,
) -> None:
    """Write what the fills changed: ledger, balances, positions, lots and round trips."""
    _TO_LEDGER.run(connection, [as_row(entry) for entry in entries])
    _add_to_balances(connection, account, entries)
    held = {one.holding.position.symbol: one.holding.position for one in booked}
    rows = [_position_row(account, position, now) for position in held.values()]
    upsert(connection, positions, rows, key=("account", "symbol"))
    lots = {lot.lot_id: lot for one in booked for lot in one.changed_lots}
    rows = [
        {**as_row(lot), "account": account, "is_open": lot.remaining > 0} for lot in lots.values()
    ]
    upsert(connection, tax_lots, rows, key=("lot_id",))
    trips = {one.trip.trip_id: {**as_row(one.trip), "account": account} for one in booked}
    upsert(connection, round_trips, list(trips.values()), key=("trip_id",))


def _position_row(account: AccountId, position: Position, now: datetime) -> dict[str, Any]:
    return {
        **as_row(position),
        "account": account,
        "average_cost": position.average_cost,
        "updated_at": now,
    }


def _add_to_balances(connection: Connection, account: AccountId, entries: Sequence[Entry]) -> None:
    gained: defaultdict[str, list[Decimal]] = defaultdict(list)
    for entry in entries:
        if entry.holder == account:
            gained[entry.asset].append(entry.amount)
    current = balances_of_account(connection, account)
    rows = [
        {"account": account, "asset": asset, "free": total((current.get(asset, ZERO), *amounts))}
        for asset, amounts in sorted(gained.items())
    ]
    upsert(connection, balances, rows, key=("account", "asset"))


def balances_of_account(connection: Connection, account: AccountId) -> dict[str, Decimal]:
    return {row.asset: row.free for row in _BALANCES.rows(connection, account=account)}


def positions_of_account(connection: Connection, account: AccountId) -> tuple[Position, ...]:
    """Return every position ever held, in the order of the symbols."""
    return tuple(position_of(row) for row in _POSITIONS.rows(connection, account=account))


def holdings(connection: Connection, policy: BooksPolicy) -> Holdings:
    owned = balances_of_account(connection, policy.account)
    return Holdings(
        account=policy.account,
        cash=owned.get(policy.quote, policy.opening_balance),
        positions=positions_of_account(connection, policy.account),
    )


def opening_balance(connection: Connection, policy: BooksPolicy) -> Decimal:
    """Return what the account was opened with: what was booked, whatever is configured today."""
    booked = select(ledger_entries.c.amount).where(
        ledger_entries.c.source_kind == SourceKind.OPENING,
        ledger_entries.c.source_id == policy.account,
        ledger_entries.c.holder == policy.account,
    )
    amount = connection.execute(booked).scalar()
    if amount is not None:
        return amount
    is_open = bool(balances_of_account(connection, policy.account))
    return ZERO if is_open else policy.opening_balance

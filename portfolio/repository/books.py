"""What bookings change: balances, positions, lots and round trips; each can be worked out anew."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, not_, or_, select

from portfolio.core.books import Booked, BooksPolicy, Holding, flat
from portfolio.core.equity import Holdings, total
from portfolio.core.ledger import SourceKind, aside_of, entries_of
from portfolio.core.lots import Lot
from portfolio.core.position import Position
from portfolio.core.purses import Balance, balances_after
from portfolio.core.trades import RoundTrip
from portfolio.repository.journal import Account, Posted, account_of, append, lock_account
from portfolio.repository.opening import opening_bookings
from portfolio.tables import (
    balances,
    bookings,
    ledger_entries,
    positions,
    round_trips,
    tax_lots,
)
from shared.db.dialect import upsert
from shared.db.statements import Prepared, among, as_row, given
from shared.domain.enums import ExitReason
from shared.domain.ids import AccountId, DecisionId, Symbol

_BALANCES = Prepared(select(balances).where(given(balances.c.account)))
_POSITIONS = Prepared(
    select(positions).where(given(positions.c.account)).order_by(positions.c.symbol)
)
_SOME_POSITIONS = Prepared(
    select(positions).where(given(positions.c.account), among(positions.c.symbol, "symbols"))
)
_OPEN_TRIPS = Prepared(
    select(round_trips)
    .where(
        given(round_trips.c.account),
        among(round_trips.c.symbol, "symbols"),
        round_trips.c.closed_at.is_(None),
    )
    .order_by(round_trips.c.opened_at, round_trips.c.trip_id)
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

_OPENINGS = Prepared(
    select(bookings.c.worth).where(given(bookings.c.account), bookings.c.kind == SourceKind.OPENING)
)


def open_books(connection: Connection, policy: BooksPolicy, now: datetime) -> Account:
    """Lock the account for this transaction; on the very first one, book what it starts with."""
    account = lock_account(connection, policy.account)
    if account.bookings:
        return account
    opening = opening_bookings(connection, policy, now)
    nothing = [balance_row(policy.account, Balance(asset=one.asset)) for one in opening]
    upsert(connection, balances, nothing, key=("account", "asset"))
    posted = [Posted(one, entries_of(one) if one.amount else ()) for one in opening]
    return save(connection, account, posted, [], now)


def holdings_of(
    connection: Connection, account: AccountId, symbols: Iterable[Symbol]
) -> dict[Symbol, Holding]:
    """Return the holding of each instrument, flat where nothing was ever traded."""
    wanted = sorted(set(symbols))
    key = {"account": account, "symbols": wanted}
    held = {row.symbol: position_of(row) for row in _SOME_POSITIONS.rows(connection, **key)}
    trips: defaultdict[str, list[RoundTrip]] = defaultdict(list)
    for row in _OPEN_TRIPS.rows(connection, **key):
        trips[row.symbol].append(trip_of(row))
    lots: defaultdict[str, list[Lot]] = defaultdict(list)
    for row in _OPEN_LOTS.rows(connection, **key):
        lots[row.symbol].append(lot_of(row))
    return {
        symbol: Holding(
            held.get(symbol, flat(symbol).position), tuple(trips[symbol]), tuple(lots[symbol])
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
        unexplained=row.unexplained,
        unexplained_proceeds=row.unexplained_proceeds,
        last_sold_at=row.last_sold_at,
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
        slippage=row.slippage,
        origin=row.origin,
        decision_id=None if row.decision_id is None else DecisionId(row.decision_id),
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


def save(
    connection: Connection,
    account: Account,
    posted: Sequence[Posted],
    booked: Sequence[Booked],
    now: datetime,
) -> Account:
    """Append bookings with their entries, and write what they changed."""
    after = append(connection, account, posted)
    whose = account.account
    known = purses(connection, whose)
    entries = (entry for one in posted for entry in one.entries)
    rows = [balance_row(whose, one) for one in balances_after(known, whose, entries).values()]
    upsert(connection, balances, rows, key=("account", "asset"))
    held = {one.holding.position.symbol: one.holding.position for one in booked}
    rows = [position_row(whose, position, now) for position in held.values()]
    upsert(connection, positions, rows, key=("account", "symbol"))
    lots = {lot.lot_id: lot for one in booked for lot in one.changed_lots}
    upsert(connection, tax_lots, [lot_row(whose, lot) for lot in lots.values()], key=("lot_id",))
    trips = {trip.trip_id: trip for one in booked for trip in one.changed_trips}
    rows = [trip_row(whose, trip) for trip in trips.values()]
    upsert(connection, round_trips, rows, key=("trip_id",))
    return after


def beside_fills(connection: Connection, account: AccountId, asset: str, venue: str) -> Decimal:
    """Return what the books hold of an asset, less what our fills at this venue made of it."""
    held = select(ledger_entries.c.amount).where(
        ledger_entries.c.holder.in_((account, aside_of(account))),
        ledger_entries.c.asset == asset,
        ledger_entries.c.source_kind != SourceKind.UNEXPLAINED,
        or_(
            ledger_entries.c.source_kind != SourceKind.FILL,
            not_(ledger_entries.c.source_id.startswith(f"{venue}:", autoescape=True)),
        ),
    )
    return total(connection.execute(held).scalars())


def balance_row(account: AccountId, balance: Balance) -> dict[str, Any]:
    return {**as_row(balance), "account": account}


def position_row(account: AccountId, position: Position, now: datetime) -> dict[str, Any]:
    return {
        **as_row(position),
        "account": account,
        "average_cost": position.average_cost,
        "updated_at": now,
    }


def lot_row(account: AccountId, lot: Lot) -> dict[str, Any]:
    return {**as_row(lot), "account": account, "is_open": lot.remaining > 0}


def trip_row(account: AccountId, trip: RoundTrip) -> dict[str, Any]:
    return {**as_row(trip), "account": account}


def purses(connection: Connection, account: AccountId) -> dict[str, Balance]:
    """Return what there is of each asset, to trade with and aside, and what went in fees."""
    return {
        row.asset: Balance(asset=row.asset, free=row.free, aside=row.aside, fees=row.fees)
        for row in _BALANCES.rows(connection, account=account)
    }


def balances_of_account(connection: Connection, account: AccountId) -> dict[str, Decimal]:
    return {row.asset: row.free for row in _BALANCES.rows(connection, account=account)}


def positions_of_account(connection: Connection, account: AccountId) -> tuple[Position, ...]:
    """Return every position ever held, in the order of the symbols."""
    return tuple(position_of(row) for row in _POSITIONS.rows(connection, account=account))


def holdings(connection: Connection, policy: BooksPolicy) -> Holdings:
    owned = balances_of_account(connection, policy.account)
    before = {policy.quote: policy.opening_balance, **policy.opening_balances}
    currencies = policy.currencies
    quotes = () if currencies.is_one else currencies.quotes
    return Holdings(
        account=policy.account,
        cash=owned.get(policy.quote, policy.opening_balance),
        positions=positions_of_account(connection, policy.account),
        currencies=currencies,
        cash_by_asset={asset: (owned or before).get(asset, Decimal(0)) for asset in quotes},
    )


def contributed(connection: Connection, policy: BooksPolicy) -> Decimal:
    """Return what was put into trading beside fills: what it began with, and what came and went."""
    account = account_of(connection, policy.account)
    return policy.opening_balance if account is None else account.contributed


def opening_balance(connection: Connection, policy: BooksPolicy) -> Decimal:
    """Return what the account was opened with: what was booked, whatever is configured today."""
    found = _OPENINGS.column(connection, account=policy.account)
    return total(found) if found else policy.opening_balance

"""The view of one account: its lock, and its book."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, null, or_, select, type_coerce

from risk.core.book import Book, book_of
from risk.core.exposure import Entries
from risk.core.external import value_external
from risk.core.funds import Funds
from risk.core.holding import Holding
from risk.core.usage import Scope
from risk.repository import promises
from risk.repository.conduct import load_conduct
from risk.repository.policy import Opening
from risk.repository.standing import Standing
from risk.repository.view import View
from risk.tables import (
    exposure_counters,
    external_exposure,
    risk_book,
    risk_positions,
    symbol_locks,
)
from shared.bus.codec import from_builtins
from shared.db.dialect import for_update, insert_missing, upsert
from shared.db.statements import Prepared, given
from shared.domain.events import EquityMarked, ExternalOrder
from shared.domain.ids import AccountId, Symbol
from shared.domain.values import ZERO

_LOCK = Prepared(
    for_update(
        select(exposure_counters.c.version).where(
            given(exposure_counters.c.account),
            exposure_counters.c.scope_kind == Scope.TOTAL,
            exposure_counters.c.scope_key == "",
        )
    )
)
_MARKED_UNTIL = Prepared(select(risk_book.c.as_of).where(given(risk_book.c.account)))
_kept = risk_positions.c
_HOLDINGS = Prepared(
    select(_kept.symbol, _kept.quantity, _kept.price, _kept.trade_id, _kept.source).where(
        given(_kept.account)
    )
)
_in_force = (
    given(symbol_locks.c.account),
    or_(
        symbol_locks.c.expires_at.is_(None),
        symbol_locks.c.expires_at > bindparam("now", type_=symbol_locks.c.expires_at.type),
    ),
)
_LOCKS = Prepared(select(symbol_locks).where(*_in_force).order_by(symbol_locks.c.symbol))
_orders = external_exposure.c.orders
_OF_OTHERS = Prepared(
    select(
        symbol_locks.c.symbol,
        symbol_locks.c.reason,
        type_coerce(null(), _orders.type).label(_orders.name),
    )
    .where(*_in_force)
    .union_all(select(null(), null(), _orders).where(given(external_exposure.c.account)))
)


def lock_account(connection: Connection, account: AccountId) -> None:
    """Keep everybody else from changing this account's exposure until the commit."""
    if _LOCK.first(connection, account=account) is None:
        row = {
            "account": account,
            "scope_kind": Scope.TOTAL,
            "scope_key": "",
            "cap": ZERO,
            "reserved": ZERO,
            "position": ZERO,
            "external": ZERO,
            "version": 0,
        }
        insert_missing(connection, exposure_counters, [row])
        _LOCK.first(connection, account=account)


def load_book(
    connection: Connection,
    opening: Opening,
    standing: Standing,
    entries: Entries,
    now: datetime,
    view: View,
) -> Book:
    """Return the book as it stands; call it under the account's lock to decide by it."""
    account = opening.account
    _, state, mark, spending = standing
    funds = mark.funds
    positions = _valued(load_holdings(connection, account), funds)
    prices = {symbol: one.price for symbol, one in positions.items()}
    prices |= funds.prices(opening.quote)
    reservations = promises.load_held(connection, account)
    locks, orders = _load_of_others(connection, account, now)
    return Book(
        as_of=mark.as_of,
        equity=mark.equity,
        cash=mark.cash,
        peak_equity=mark.peak_equity,
        day_start_equity=mark.day_start_equity,
        trades_today=entries.today,
        orders_this_minute=entries.this_minute,
        state=state,
        positions={symbol: one for symbol, one in positions.items() if one.quantity > ZERO},
        reservations=reservations,
        locks=locks,
        venues=opening.venues,
        external=value_external(orders, prices, opening.quote),
        markets=view.markets(connection, opening, positions.values(), reservations.values()),
        conduct=load_conduct(connection, account, now - view.failure_window),
        funds=funds,
        spent=spending.by_asset,
    )


def _load_of_others(
    connection: Connection, account: AccountId, now: datetime
) -> tuple[dict[Symbol, str], list[ExternalOrder]]:
    """Return why people locked which instruments, and the open orders that are not ours."""
    rows = _OF_OTHERS.rows(connection, account=account, now=now)
    locks = {Symbol(row.symbol): row.reason for row in rows if row.symbol is not None}
    told = [row.orders for row in rows if row.symbol is None]
    return locks, [one for some in told for one in from_builtins(some, tuple[ExternalOrder, ...])]


def _valued(holdings: dict[Symbol, Holding], funds: Funds) -> dict[Symbol, Holding]:
    if not funds:
        return holdings
    return {
        symbol: replace(one, rate=funds.rate(symbol) or ZERO) for symbol, one in holdings.items()
    }


def load_holdings(connection: Connection, account: AccountId) -> dict[Symbol, Holding]:
    """Return every holding ever seen, closed ones too."""
    return {
        Symbol(row.symbol): Holding(
            symbol=Symbol(row.symbol),
            quantity=row.quantity,
            price=row.price,
            trade_id=row.trade_id,
            source=row.source,
        )
        for row in _HOLDINGS.rows(connection, account=account)
    }


def save_holdings(connection: Connection, account: AccountId, holdings: Iterable[Holding]) -> None:
    rows = [
        {
            "account": account,
            "symbol": one.symbol,
            "quantity": one.quantity,
            "price": one.price,
            "trade_id": one.trade_id,
            "source": one.source,
        }
        for one in sorted(holdings, key=lambda one: one.symbol)
    ]
    upsert(connection, risk_positions, rows, key=("account", "symbol"))


def marked_until(connection: Connection, account: AccountId) -> datetime | None:
    return _MARKED_UNTIL.value(connection, account=account)


def save_mark(connection: Connection, marked: EquityMarked) -> None:
    book = book_of(marked)
    row = {
        "account": marked.account,
        "as_of": book.as_of,
        "equity": book.equity,
        "cash": book.cash,
        "peak_equity": book.peak_equity,
        "day_start_equity": book.day_start_equity,
        "funds": marked.cash_by_asset,
    }
    upsert(connection, risk_book, [row], key=("account",))


def find_locks(connection: Connection, account: AccountId, now: datetime) -> Sequence[Row[Any]]:
    """Return the locks in force, by instrument."""
    return _LOCKS.rows(connection, account=account, now=now)

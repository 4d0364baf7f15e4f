"""Prices, the progress of each instant, and the equity curve."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select

from portfolio.core.books import BooksPolicy
from portfolio.core.contributions import shifted
from portfolio.core.equity import Watermark, opening_watermark, total
from portfolio.core.targets import Price
from portfolio.repository.journal import Account, account_of, save_account
from portfolio.tables import equity_points, marks, progress
from shared.db.dialect import insert_missing, upsert
from shared.db.statements import Prepared, given
from shared.domain.candle import Candle
from shared.domain.events import EquityMarked
from shared.domain.ids import AccountId, Symbol
from shared.domain.values import ZERO

_PRICES = Prepared(select(marks.c.symbol, marks.c.price))
_DATED_PRICES = Prepared(select(marks.c.symbol, marks.c.price, marks.c.closed_at))
_LAST_POINT = Prepared(
    select(equity_points)
    .where(given(equity_points.c.account))
    .order_by(equity_points.c.as_of.desc())
    .limit(1)
)
_COMPLETE = Prepared(
    select(progress.c.as_of)
    .where(given(progress.c.account))
    .group_by(progress.c.as_of)
    .having(func.count() >= bindparam("halves"))
    .order_by(progress.c.as_of)
)
_PASSED = Prepared(
    delete(progress).where(
        given(progress.c.account),
        progress.c.as_of <= bindparam("as_of", type_=progress.c.as_of.type),
    )
)
_TO_CURVE = Prepared(insert(equity_points))


def save_marks(connection: Connection, candles: Iterable[Candle]) -> None:
    latest: dict[str, Candle] = {}
    for candle in candles:
        known = latest.get(candle.symbol)
        if known is None or known.closed_at <= candle.closed_at:
            latest[candle.symbol] = candle
    rows = [
        {"symbol": symbol, "price": candle.close, "closed_at": candle.closed_at}
        for symbol, candle in sorted(latest.items())
    ]
    upsert(connection, marks, rows, key=("symbol",))


def prices(connection: Connection) -> dict[Symbol, Decimal]:
    return {Symbol(row.symbol): row.price for row in _PRICES.rows(connection)}


def dated_prices(connection: Connection) -> dict[Symbol, Price]:
    """Return the last price of each instrument with the close it is of."""
    return {
        Symbol(row.symbol): Price(price=row.price, at=row.closed_at)
        for row in _DATED_PRICES.rows(connection)
    }


def record_progress(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    insert_missing(connection, progress, rows)


def complete_instants(connection: Connection, policy: BooksPolicy) -> tuple[datetime, ...]:
    """Return the instants of which every shard has both its candles and its fills, oldest first."""
    halves = 2 * policy.shard_count
    return tuple(_COMPLETE.column(connection, account=policy.account, halves=halves))


def watermark(connection: Connection, policy: BooksPolicy) -> Watermark:
    """Return the last mark, with what was put in or taken out since as if it had been there."""
    last = last_point(connection, policy.account)
    account = account_of(connection, policy.account)
    if last is None:
        return opening_watermark(policy.opening_balance if account is None else account.contributed)
    marked = Watermark(
        as_of=last.as_of,
        equity=last.equity,
        peak_equity=last.peak_equity,
        day_start_equity=last.day_start_equity,
    )
    return marked if account is None else shifted(marked, account.unmarked)


def last_point(connection: Connection, account: AccountId) -> Row[Any] | None:
    return _LAST_POINT.first(connection, account=account)


def save_equity(connection: Connection, marked: EquityMarked, account: Account) -> None:
    """Write one point of the curve and forget what led up to it; what was put in is in it."""
    row = {
        column.name: getattr(marked, column.name)
        for column in equity_points.c
        if column.name not in ("invested", "contributed")
    }
    row["contributed"] = account.contributed
    row["invested"] = total(position.notional for position in marked.positions)
    _TO_CURVE.run(connection, [row])
    _PASSED.run(connection, [{"account": marked.account, "as_of": marked.as_of}])
    if account.unmarked:
        save_account(connection, replace(account, unmarked=ZERO))

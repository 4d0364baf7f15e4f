"""Prices, the progress of each instant, and the equity curve."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from portfolio.core.books import BooksPolicy
from portfolio.core.equity import Watermark, opening_watermark, total
from portfolio.tables import equity_points, marks, progress
from shared.db.dialect import insert_once, upsert
from shared.domain.candle import Candle
from shared.domain.events import EquityMarked
from shared.domain.ids import AccountId, Symbol


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
    rows = connection.execute(select(marks.c.symbol, marks.c.price))
    return {Symbol(row.symbol): row.price for row in rows}


def record_progress(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    insert_once(connection, progress, rows)


def complete_instants(connection: Connection, policy: BooksPolicy) -> tuple[datetime, ...]:
    """Return the instants of which every shard has both its candles and its fills, oldest first."""
    statement = (
        select(progress.c.as_of)
        .where(progress.c.account == policy.account)
        .group_by(progress.c.as_of)
        .having(func.count() >= 2 * policy.shard_count)
        .order_by(progress.c.as_of)
    )
    return tuple(connection.execute(statement).scalars())


def watermark(connection: Connection, policy: BooksPolicy) -> Watermark:
    last = last_point(connection, policy.account)
    if last is None:
        return opening_watermark(policy.opening_balance)
    return Watermark(
        as_of=last.as_of,
        equity=last.equity,
        peak_equity=last.peak_equity,
        day_start_equity=last.day_start_equity,
    )


def last_point(connection: Connection, account: AccountId) -> Row[Any] | None:
    statement = (
        select(equity_points)
        .where(equity_points.c.account == account)
        .order_by(equity_points.c.as_of.desc())
        .limit(1)
    )
    return connection.execute(statement).first()


def save_equity(connection: Connection, marked: EquityMarked) -> None:
    """Write one point of the curve and forget what led up to it."""
    row = {
        column.name: getattr(marked, column.name)
        for column in equity_points.c
        if column.name != "invested"
    }
    row["invested"] = total(position.notional for position in marked.positions)
    connection.execute(insert(equity_points).values(row))
    forget = delete(progress).where(
        progress.c.account == marked.account, progress.c.as_of <= marked.as_of
    )
    connection.execute(forget)

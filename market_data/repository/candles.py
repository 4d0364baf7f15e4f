"""Reads and writes candles; writing the same candle again changes nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Table,
    and_,
    bindparam,
    cast,
    func,
    select,
    tuple_,
)

from market_data.core.candles import Series
from market_data.tables import crypto_prices, feed_progress, instruments
from shared.db.dialect import insert_once, upsert
from shared.db.statements import Prepared, given
from shared.domain.candle import Candle
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument

_CHUNK = 1000
_GAP_CHUNK = 10_000
_PRICES = ("open", "high", "low", "close", "volume")
_PROGRESS = Prepared(
    select(feed_progress.c.closed_at).where(
        given(feed_progress.c.venue), given(feed_progress.c.interval)
    )
)
_NEWEST = Prepared(  # one look into the primary key for each instrument
    select(
        instruments.c.symbol,
        select(crypto_prices.c.open_at)
        .where(
            crypto_prices.c.venue == instruments.c.venue,
            crypto_prices.c.symbol == instruments.c.symbol,
            given(crypto_prices.c.interval),
            crypto_prices.c.open_at <= bindparam("latest", type_=crypto_prices.c.open_at.type),
        )
        .order_by(crypto_prices.c.open_at.desc())
        .limit(1)
        .scalar_subquery()
        .label("open_at"),
    ).where(given(instruments.c.venue))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Where the candles of one venue and interval lie."""

    venue: str
    interval: Interval

    def holds(self, table: Table = crypto_prices) -> ColumnElement[bool]:
        return and_(table.c.venue == self.venue, table.c.interval == self.interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """`restated`: stored candles that the source now tells otherwise; they were left alone."""

    inserted: int
    restated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """`candles` are missing between the stored one that opens `after` and the next stored one."""

    after: datetime
    first_open_at: datetime
    candles: int


def save(connection: Connection, shelf: Shelf, source: str, candles: Sequence[Candle]) -> Written:
    """Store candles that are not there yet."""
    inserted = restated = 0
    for start in range(0, len(candles), _CHUNK):
        rows = [_row(shelf, source, candle) for candle in candles[start : start + _CHUNK]]
        new = insert_once(connection, crypto_prices, rows)
        inserted += new
        if new < len(rows):
            restated += _restated(connection, rows)
    return Written(inserted=inserted, restated=restated)


def _row(shelf: Shelf, source: str, candle: Candle) -> dict[str, Any]:
    return {
        "venue": shelf.venue,
        "symbol": candle.symbol,
        "interval": shelf.interval,
        "open_at": candle.open_at,
        "open": candle.open,
        "high": candle.high,
        "low": candle.low,
        "close": candle.close,
        "volume": candle.volume,
        "is_filled": candle.is_filled,
        "source": source,
    }


def _restated(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
    keys = list(crypto_prices.primary_key)
    wanted = [tuple(row[column.name] for column in keys) for row in rows]
    stored = {
        tuple(found[: len(keys)]): tuple(found[len(keys) :])
        for found in connection.execute(
            select(*keys, *(crypto_prices.c[name] for name in _PRICES)).where(
                tuple_(*keys).in_(wanted)
            )
        )
    }
    told = {
        key: tuple(row[name] for name in _PRICES) for key, row in zip(wanted, rows, strict=True)
    }
    return sum(values != told[key] for key, values in stored.items())


def save_instruments(connection: Connection, listed: Iterable[Instrument]) -> None:
    rows = [
        {
            "venue": one.venue,
            "symbol": one.symbol,
            "base": one.base,
            "quote": one.quote,
            "tick_size": one.tick_size,
            "lot_size": one.lot_size,
            "min_notional": one.min_notional,
        }
        for one in listed
    ]
    upsert(connection, instruments, rows, key=("venue", "symbol"))


def progress(connection: Connection, shelf: Shelf) -> datetime | None:
    """Return the last instant that the feed has published."""
    return _PROGRESS.value(connection, venue=shelf.venue, interval=shelf.interval)


def others(connection: Connection, shelf: Shelf, source: str) -> list[str]:
    """Describe the feeds that this database has heard beside the one of this shelf and source."""
    rows = connection.execute(select(feed_progress).order_by(feed_progress.c.closed_at))
    return [
        f"{row.source} {row.interval} candles of venue '{row.venue}' "
        f"up to {row.closed_at:%Y-%m-%d %H:%M}"
        for row in rows
        if (row.venue, row.interval, row.source) != (shelf.venue, shelf.interval, source)
    ]


def save_progress(connection: Connection, shelf: Shelf, source: str, closed_at: datetime) -> None:
    row = {
        "venue": shelf.venue,
        "interval": shelf.interval,
        "source": source,
        "closed_at": closed_at,
    }
    upsert(connection, feed_progress, [row], key=("venue", "interval"))


def load_series(connection: Connection, shelf: Shelf, symbol: Symbol) -> Series:
    """Return all stored candles of one instrument, oldest first, as columns."""
    columns = [crypto_prices.c[name] for name in ("open_at", *_PRICES, "is_filled")]
    statement = (
        select(*columns)
        .where(shelf.holds(), crypto_prices.c.symbol == symbol)
        .order_by(crypto_prices.c.open_at)
    )
    rows = connection.execute(statement).all()
    ohlcv = [[float(value) for value in row[1:6]] for row in rows]
    return Series(
        symbol=symbol,
        interval=shelf.interval,
        open_at=np.array([int(row.open_at.timestamp()) for row in rows], dtype=np.int64),
        ohlcv=np.array(ohlcv, dtype=np.float64).reshape(-1, 5),
        is_filled=np.array([row.is_filled for row in rows], dtype=np.bool_),
    )


def page(
    connection: Connection,
    shelf: Shelf,
    symbol: Symbol,
    bounds: tuple[datetime | None, datetime | None],
    limit: int,
) -> list[Any]:
    """Return up to `limit` candles that open from the first bound on and before the second."""
    start, end = bounds
    statement = select(crypto_prices).where(shelf.holds(), crypto_prices.c.symbol == symbol)
    if start is not None:
        statement = statement.where(crypto_prices.c.open_at >= start)
    if end is not None:
        statement = statement.where(crypto_prices.c.open_at < end)
    return list(connection.execute(statement.order_by(crypto_prices.c.open_at).limit(limit)))


def latest(connection: Connection, shelf: Shelf, symbol: Symbol) -> Any | None:
    statement = (
        select(crypto_prices)
        .where(shelf.holds(), crypto_prices.c.symbol == symbol)
        .order_by(crypto_prices.c.open_at.desc())
        .limit(1)
    )
    return connection.execute(statement).first()


def newest(connection: Connection, shelf: Shelf, until: datetime) -> dict[str, datetime]:
    """Return when the newest candle of each listed instrument closed, of those closed by `until`.

    Where candles are replayed from the store, later ones lie there already.
    """
    step = shelf.interval.delta
    opened = _NEWEST.rows(
        connection, venue=shelf.venue, interval=shelf.interval, latest=until - step
    )
    return {row.symbol: row.open_at + step for row in opened if row.open_at is not None}


def coverage(connection: Connection, shelf: Shelf) -> list[Any]:
    """Return, by symbol, the first and the last candle, how many there are and how many bridged."""
    statement = (
        select(
            crypto_prices.c.symbol,
            func.min(crypto_prices.c.open_at).label("first_open_at"),
            func.max(crypto_prices.c.open_at).label("last_open_at"),
            func.count().label("candles"),
            func.sum(cast(crypto_prices.c.is_filled, Integer)).label("bridged"),
        )
        .where(shelf.holds())
        .group_by(crypto_prices.c.symbol)
    )
    return list(connection.execute(statement))


def gaps(
    connection: Connection, shelf: Shelf, symbol: Symbol, since: datetime | None, limit: int
) -> list[Gap]:
    """Return up to `limit` gaps after candles that open from `since` on, oldest first."""
    found: list[Gap] = []
    opened = _opened(connection, shelf, symbol, since)
    while len(opened) > 1 and len(found) < limit:
        found += _between(opened, shelf.interval)
        opened = _opened(connection, shelf, symbol, opened[-1])
    return found[:limit]


def _opened(
    connection: Connection, shelf: Shelf, symbol: Symbol, since: datetime | None
) -> Sequence[datetime]:
    statement = select(crypto_prices.c.open_at).where(
        shelf.holds(), crypto_prices.c.symbol == symbol
    )
    if since is not None:
        statement = statement.where(crypto_prices.c.open_at >= since)
    ordered = statement.order_by(crypto_prices.c.open_at).limit(_GAP_CHUNK)
    return connection.execute(ordered).scalars().all()


def _between(opened: Sequence[datetime], interval: Interval) -> list[Gap]:
    return [
        Gap(after=one, first_open_at=one + interval.delta, candles=missing)
        for one, following in pairwise(opened)
        if (missing := (following - one) // interval.delta - 1) > 0
    ]

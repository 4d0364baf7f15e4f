"""Candles themselves, stored once and read in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, select, tuple_

from market_data.core.candles import Series
from market_data.repository.shelf import Shelf
from market_data.tables import crypto_prices
from shared.db.dialect import insert_once
from shared.domain.candle import Candle
from shared.domain.ids import Symbol

_CHUNK = 1000
_PRICES = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """`restated`: stored candles that the source now tells otherwise; they were left alone."""

    inserted: int
    restated: int


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

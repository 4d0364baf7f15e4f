"""What is there of each instrument: from when to when, how much, and what is missing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, cast, func, select

from market_data.repository.shelf import Shelf
from market_data.tables import crypto_prices
from shared.db.statements import Prepared, given
from shared.domain.enums import Interval
from shared.domain.ids import Symbol

_GAP_CHUNK = 10_000
_NEWEST = Prepared(
    select(crypto_prices.c.open_at)
    .where(
        given(crypto_prices.c.venue),
        given(crypto_prices.c.symbol),
        given(crypto_prices.c.interval),
        crypto_prices.c.open_at <= bindparam("latest", type_=crypto_prices.c.open_at.type),
    )
    .order_by(crypto_prices.c.open_at.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """`candles` are missing between the stored one that opens `after` and the next stored one."""

    after: datetime
    first_open_at: datetime
    candles: int


def newest(
    connection: Connection, shelf: Shelf, symbols: Iterable[Symbol], until: datetime
) -> dict[Symbol, datetime]:
    """Return when each instrument's newest candle closed, of those closed by `until`.

    Where candles are replayed from the store, later ones lie there already. One statement for each
    instrument: in a single one MariaDB reads all candles after `until` before it finds the newest.
    """
    step = shelf.interval.delta
    place = {"venue": shelf.venue, "interval": shelf.interval, "latest": until - step}
    opened = {one: _NEWEST.value(connection, symbol=one, **place) for one in symbols}
    return {one: open_at + step for one, open_at in opened.items() if open_at is not None}


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

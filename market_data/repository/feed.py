"""What is traded, and how far the feed has come."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from market_data.repository.shelf import Shelf
from market_data.tables import feed_progress, instruments
from shared.db.dialect import upsert
from shared.db.statements import Prepared, given
from shared.domain.instrument import Instrument

_PROGRESS = Prepared(
    select(feed_progress.c.closed_at).where(
        given(feed_progress.c.venue), given(feed_progress.c.interval)
    )
)


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

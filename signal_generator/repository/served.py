"""What signals were really made of: features, and releases."""

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from signal_generator.tables import ml_shadow_signals, ml_signals


def served_vectors(
    connection: Connection, symbol: Symbol, interval: Interval, limit: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return when the newest `limit` candles closed, oldest first, and each one's features.

    Shapes (n,), Unix seconds, and (n, 86).
    """
    of_instrument = (ml_signals.c.symbol == symbol) & (ml_signals.c.interval == interval)
    rows = connection.execute(
        select(ml_signals.c.closed_at, ml_signals.c.features)
        .where(of_instrument)
        .order_by(ml_signals.c.closed_at.desc())
        .limit(limit)
    ).all()[::-1]
    closed_at = np.array([int(row.closed_at.timestamp()) for row in rows], dtype=np.int64)
    vectors = np.frombuffer(b"".join(row.features for row in rows), dtype="<f4")
    return closed_at, vectors.reshape(len(rows), -1 if rows else 0).astype(np.float32)


def releases_heard(connection: Connection, within: timedelta) -> frozenset[str]:
    """Return whom the stored signals name, those of the shadow too: at most `within` old.

    Ages are counted from the newest signal on, so that a platform that stood still forgets nobody.
    """
    tables = (ml_signals, ml_shadow_signals)
    newest = [
        connection.execute(select(func.max(table.c.closed_at))).scalar_one() for table in tables
    ]
    if not any(newest):
        return frozenset()
    since = max(filter(None, newest)) - within
    return frozenset(
        release_id
        for table in tables
        for release_id in connection.scalars(
            select(table.c.release_id)
            .where(table.c.closed_at >= since, table.c.release_id.is_not(None))
            .distinct()
        )
    )

"""The features that signals were really made of."""

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from signal_generator.tables import ml_signals


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

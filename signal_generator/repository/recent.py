"""The newest vectors a release could have learned from, had they been there in time."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from models.features.coverage import MIN_COVERAGE
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from signal_generator.tables import ml_signals

_MOST = 2_000
"""Rows: longer windows are thinned; neighbouring vectors say nearly the same anyway."""
_REACH = 2
"""Windows: rows further back than this many are no longer recent."""


def recent_vectors(
    connection: Connection,
    symbol: Symbol,
    interval: Interval,
    before: datetime,
    window: int,
    min_barrier: float,
) -> NDArray[np.float32]:
    """Return the features (n, 86) of up to `window` candles before an instant, oldest first.

    Those the coverage rule refuses and barriers below `min_barrier` are left out, as in training.
    """
    signal = ml_signals.c
    stride = -(-window // _MOST)
    statement = (
        select(signal.features)
        .where(
            signal.symbol == symbol,
            signal.interval == interval,
            signal.closed_at < before,
            signal.closed_at >= before - _REACH * window * interval.delta,
            signal.coverage >= MIN_COVERAGE,
            signal.barrier_ratio >= min_barrier,
        )
        .order_by(signal.closed_at.desc())
        .limit(window // stride)
    )
    if stride > 1:
        spread = [before - stride * number * interval.delta for number in range(1, _MOST + 1)]
        statement = statement.where(signal.closed_at.in_(spread))
    rows = connection.execute(statement).scalars().all()[::-1]
    vectors = np.frombuffer(b"".join(rows), dtype="<f4")
    return vectors.reshape(len(rows), -1 if rows else 0).astype(np.float32)

"""The one definition of the features: what one closed candle adds, live and in history."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numba import njit

from models.features import recursion, ring, window_price, window_risk, window_week
from models.features.catalogue import WARM_UP
from models.features.layout import (
    FEATURES,
    FILLED_COUNT,
    FILLED_RUN,
    IDIO_RET_24,
    IN_CLOSED_AT,
    IN_FILLED,
    LOOKBACK,
    MAX_FILLED_RATIO,
    MAX_FILLED_RUN,
    REF_RET_1,
    REFERENCE_EMA_12,
    REFERENCE_SEEN,
    ROWS,
    SEEN,
    SLOTS,
    TOTAL,
    WINDOW,
    Floats,
)

_MAX_FILLED = MAX_FILLED_RATIO * LOOKBACK
_WARM_UP = WARM_UP.astype(np.float64)


def empty_rings() -> Floats:
    return np.full((ROWS, 2 * WINDOW), np.nan)


def empty_state() -> Floats:
    """Return the counters and recursions of an engine that has seen nothing, then fill marks."""
    return np.zeros(SLOTS + LOOKBACK)


@njit(error_model="numpy")
def _count(state: Floats, row: Floats) -> None:
    """Count the candle; too many filled ones in a row or in the lookback start the warm-up anew."""
    filled = row[IN_FILLED]
    mark = SLOTS + int(state[TOTAL]) % LOOKBACK
    state[TOTAL] += 1.0
    state[FILLED_RUN] = state[FILLED_RUN] + 1.0 if filled > 0.0 else 0.0
    state[FILLED_COUNT] += filled - state[mark]
    state[mark] = filled
    if state[FILLED_RUN] > MAX_FILLED_RUN or state[FILLED_COUNT] > _MAX_FILLED:
        run, total = state[FILLED_RUN], state[TOTAL]
        state[:] = 0.0
        state[FILLED_RUN], state[TOTAL] = run, total
        return
    state[SEEN] += 1.0
    if ring.has_reference(row):
        state[REFERENCE_SEEN] += 1.0
    else:
        state[REFERENCE_SEEN : REFERENCE_SEEN + 1] = 0.0
        state[REFERENCE_EMA_12 : REFERENCE_EMA_12 + 4] = 0.0


@njit(error_model="numpy")
def _mask(state: Floats, out: Floats) -> None:
    for feature in range(FEATURES):
        is_reference = REF_RET_1 <= feature <= IDIO_RET_24
        inputs = state[REFERENCE_SEEN] if is_reference else state[SEEN]
        if inputs < _WARM_UP[feature] or not np.isfinite(out[feature]):
            out[feature] = np.nan


def _compile(sources: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Compile both; `sources` enters the key of the cache, which looks at this file alone."""

    @njit(error_model="numpy", cache=True)
    def step(rings: Floats, state: Floats, row: Floats, out: Floats) -> bool:
        """Take one closed candle in and write its features; False where it is invalid."""
        out[:] = np.nan
        if not ring.is_valid(row):
            return sources < 0
        at = ring.admit(rings, int(state[TOTAL]), row)
        _count(state, row)
        if state[SEEN] == 0.0:
            return True
        recursion.recursions(rings, at, state, out)
        window_price.momentum(rings, at, out)
        window_price.shape(rings, at, row, out)
        window_price.trend(rings, at, out)
        window_price.location(rings, at, out)
        window_price.commodity_channel(rings, at, out)
        window_week.week(rings, at, out)
        window_risk.volatility(rings, at, out)
        window_risk.volume(rings, at, out)
        window_risk.pressure(rings, at, out)
        window_risk.memory(rings, at, out)
        window_risk.reference(rings, at, out)
        window_risk.calendar(row[IN_CLOSED_AT], out)
        _mask(state, out)
        return True

    @njit(error_model="numpy", cache=True)
    def history(rings: Floats, state: Floats, rows: Floats, out: Floats) -> int:
        """Take many candles; return how many were valid before the first invalid one."""
        for index in range(len(rows)):
            if not step(rings, state, rows[index], out[index]):
                return index
        return len(rows) if sources >= 0 else -1

    return step, history


_SOURCES = crc32(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))))

step, history = _compile(_SOURCES)

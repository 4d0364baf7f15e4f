"""One closed candle enters the rings: what every window will later read."""

from math import log

import numpy as np
from numba import njit

from models.features.layout import (
    BUYING_PRESSURE,
    CHANGED_FLOW,
    CLOSE,
    CLV,
    FLOW,
    HIGH,
    IN_CLOSE,
    IN_HIGH,
    IN_LOW,
    IN_OPEN,
    IN_REFERENCE,
    IN_VOLUME,
    LOG_BODY_SQUARED,
    LOG_CLOSE,
    LOG_SPAN_SQUARED,
    LOW,
    REFERENCE,
    REFERENCE_RETURN,
    RETURN,
    RETURN_6,
    RISING_FLOW,
    ROWS,
    SPAN,
    TIE,
    TRUE_RANGE,
    TYPICAL,
    VOLUME,
    WINDOW,
    Floats,
)


@njit(error_model="numpy")
def is_valid(row: Floats) -> bool:
    """Whether a candle may enter: finite, prices above 0, low <= open, close <= high."""
    low, high = row[IN_LOW], row[IN_HIGH]
    if not (0.0 < low <= row[IN_OPEN] <= high < np.inf and low <= row[IN_CLOSE] <= high):
        return False
    return bool(0.0 <= row[IN_VOLUME] < np.inf)


@njit(error_model="numpy")
def has_reference(row: Floats) -> bool:
    return bool(0.0 < row[IN_REFERENCE] < np.inf)


@njit(error_model="numpy")
def admit(rings: Floats, total: int, row: Floats) -> int:
    """Write candle number `total` into every ring; return its index there.

    Each value is written twice, a ring apart, so that any window that ends at the returned index
    lies in one piece, oldest first.
    """
    at = total % WINDOW + WINDOW
    rings[HIGH, at] = row[IN_HIGH]
    rings[LOW, at] = row[IN_LOW]
    rings[CLOSE, at] = row[IN_CLOSE]
    rings[VOLUME, at] = row[IN_VOLUME]
    rings[LOG_CLOSE, at] = log(row[IN_CLOSE])
    rings[REFERENCE, at] = row[IN_REFERENCE] if has_reference(row) else np.nan
    previous = at if total == 0 else at - 1
    _admit_shape(rings, at, row)
    _admit_changes(rings, at, previous)
    sixth = at - 6 if total >= 6 else at
    rings[RETURN_6, at] = log(rings[CLOSE, at] / rings[CLOSE, sixth])
    for ring in range(ROWS):
        rings[ring, at - WINDOW] = rings[ring, at]
    return at


@njit(error_model="numpy")
def _admit_shape(rings: Floats, at: int, row: Floats) -> None:
    high, low, close = row[IN_HIGH], row[IN_LOW], row[IN_CLOSE]
    span = high - low
    clv = ((close - low) - (high - close)) / span if span > 0.0 else 0.0
    typical = (high + low + close) / 3.0
    rings[SPAN, at] = span
    rings[CLV, at] = clv
    rings[TYPICAL, at] = typical
    rings[FLOW, at] = typical * row[IN_VOLUME]
    log_span = log(high / low)
    log_body = log(close / row[IN_OPEN])
    rings[LOG_SPAN_SQUARED, at] = log_span * log_span
    rings[LOG_BODY_SQUARED, at] = log_body * log_body


@njit(error_model="numpy")
def _admit_changes(rings: Floats, at: int, previous: int) -> None:
    close, before = rings[CLOSE, at], rings[CLOSE, previous]
    floor = min(rings[LOW, at], before)
    rings[RETURN, at] = log(close / before)
    rings[REFERENCE_RETURN, at] = log(rings[REFERENCE, at] / rings[REFERENCE, previous])
    rings[TRUE_RANGE, at] = max(rings[HIGH, at], before) - floor
    rings[BUYING_PRESSURE, at] = close - floor
    typical, typical_before = rings[TYPICAL, at], rings[TYPICAL, previous]
    change = typical - typical_before
    changed = abs(change) > TIE * typical_before
    rings[CHANGED_FLOW, at] = rings[FLOW, at] if changed else 0.0
    rings[RISING_FLOW, at] = rings[FLOW, at] if changed and change > 0.0 else 0.0

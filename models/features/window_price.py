"""Features of prices that need only their window: momentum, shape, trend, range, memory."""

from math import log

import numpy as np
from numba import njit

from models.features.layout import (
    AROON_OSC_24,
    CCI_20,
    CLOSE,
    CLV,
    EFF_RATIO_72,
    FRACDIFF_04_100,
    GAIN_LOSS_24,
    HIGH,
    HIGH_DIST_24,
    IMAX_IMIN_72,
    IN_CLOSE,
    IN_HIGH,
    IN_LOW,
    IN_OPEN,
    K_BODY_RATIO,
    K_CLV,
    K_CLV_MEAN_12,
    K_LOWER_RATIO,
    K_RANGE,
    K_RANGE_REL_24,
    K_UPPER_RATIO,
    LOG_CLOSE,
    LOW,
    LOW_DIST_24,
    MOM_ACCEL_12,
    R2_24,
    RANK_72,
    RESID_24,
    RET_1,
    RET_3,
    RET_6,
    RET_12,
    RET_24,
    RET_72,
    RET_168,
    RETURN,
    SLOPE_24,
    SLOPE_72,
    SMA_DIST_72,
    SPAN,
    STOCH_K_14,
    TYPICAL,
    UP_SHARE_24,
    Floats,
)


def _fractional_weights(order: float, count: int) -> Floats:
    """Return the first weights of (1 - B) ** order."""
    weights = np.ones(count)
    for k in range(1, count):
        weights[k] = weights[k - 1] * (k - 1 - order) / k
    return weights


_WEIGHTS = _fractional_weights(0.4, 100)


@njit(error_model="numpy")
def ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else np.nan


@njit(error_model="numpy")
def total(ring: Floats, at: int, count: int) -> float:
    """Return the sum of the last `count` values, in two lanes that the processor adds at once."""
    start, pairs = at - count + 1, count // 2
    even, odd = 0.0, 0.0
    for k in range(pairs):
        even += ring[start + 2 * k]
        odd += ring[start + 2 * k + 1]
    return even + odd + (ring[at] if count % 2 else 0.0)


@njit(error_model="numpy")
def highest(ring: Floats, at: int, count: int) -> float:
    value = ring[at]
    for i in range(at - count + 1, at):
        value = max(value, ring[i])
    return value


@njit(error_model="numpy")
def lowest(ring: Floats, at: int, count: int) -> float:
    value = ring[at]
    for i in range(at - count + 1, at):
        value = min(value, ring[i])
    return value


@njit(error_model="numpy")
def momentum(rings: Floats, at: int, out: Floats) -> None:
    close = rings[CLOSE]
    now = close[at]
    out[RET_1] = rings[RETURN, at]
    out[RET_3] = log(now / close[at - 3])
    out[RET_6] = log(now / close[at - 6])
    out[RET_12] = log(now / close[at - 12])
    out[RET_24] = log(now / close[at - 24])
    out[RET_72] = log(now / close[at - 72])
    out[RET_168] = log(now / close[at - 168])
    out[MOM_ACCEL_12] = out[RET_12] - log(close[at - 12] / close[at - 24])
    rises, net, path = 0, 0.0, 0.0
    for i in range(at - 23, at + 1):
        change = rings[RETURN, i]
        rises += int(change > 0.0)
        net += change
        path += abs(change)
    out[UP_SHARE_24] = rises / 24.0
    out[GAIN_LOSS_24] = ratio(net, path)
    net, path = 0.0, 0.0
    for i in range(at - 71, at + 1):
        net += rings[RETURN, i]
        path += abs(rings[RETURN, i])
    out[EFF_RATIO_72] = ratio(abs(net), path)


@njit(error_model="numpy")
def shape(rings: Floats, at: int, row: Floats, out: Floats) -> None:
    open_, high, low, close = row[IN_OPEN], row[IN_HIGH], row[IN_LOW], row[IN_CLOSE]
    span = rings[SPAN, at]
    out[K_RANGE] = span / open_
    out[K_BODY_RATIO] = ratio(close - open_, span)
    out[K_UPPER_RATIO] = ratio(high - max(open_, close), span)
    out[K_LOWER_RATIO] = ratio(min(open_, close) - low, span)
    out[K_CLV] = rings[CLV, at] if span > 0.0 else np.nan
    out[K_CLV_MEAN_12] = total(rings[CLV], at, 12) / 12.0
    out[K_RANGE_REL_24] = ratio(span, total(rings[SPAN], at, 24) / 24.0)


@njit(error_model="numpy")
def _slope(values: Floats, at: int, count: int) -> tuple[float, float, float]:
    """Return the least-squares slope per candle, its R squared and the last residual."""
    base, middle = values[at], (count - 1) / 2.0
    mean = total(values, at, count) / count - base
    cross, spread = 0.0, 0.0
    for k in range(count):
        distance = values[at - count + 1 + k] - base - mean
        cross += (k - middle) * distance
        spread += distance * distance
    squares = count * (count * count - 1.0) / 12.0
    slope = cross / squares
    explained = min(slope * slope * squares / spread, 1.0) if spread > 0.0 else np.nan
    return slope, explained, -mean - slope * middle


@njit(error_model="numpy")
def trend(rings: Floats, at: int, out: Floats) -> None:
    close = rings[CLOSE]
    out[SMA_DIST_72] = close[at] / (total(close, at, 72) / 72.0) - 1.0
    out[SLOPE_24], out[R2_24], out[RESID_24] = _slope(rings[LOG_CLOSE], at, 24)
    out[SLOPE_72], _, _ = _slope(rings[LOG_CLOSE], at, 72)
    base, near, far = rings[LOG_CLOSE, at - 99], 0.0, 0.0
    for k in range(50):
        near += _WEIGHTS[k] * (rings[LOG_CLOSE, at - k] - base)
        far += _WEIGHTS[k + 50] * (rings[LOG_CLOSE, at - 50 - k] - base)
    out[FRACDIFF_04_100] = near + far


@njit(error_model="numpy")
def _low_minus_high_age(rings: Floats, at: int, count: int) -> float:
    """Return how many candles longer ago the low was than the high; the latest of equals counts."""
    high, low = highest(rings[HIGH], at, count), lowest(rings[LOW], at, count)
    high_at, low_at = at, at
    while rings[HIGH, high_at] < high:
        high_at -= 1
    while rings[LOW, low_at] > low:
        low_at -= 1
    return float(high_at - low_at)


@njit(error_model="numpy")
def location(rings: Floats, at: int, out: Floats) -> None:
    close = rings[CLOSE, at]
    out[AROON_OSC_24] = _low_minus_high_age(rings, at, 25) / 24.0
    out[IMAX_IMIN_72] = _low_minus_high_age(rings, at, 72) / 71.0
    out[HIGH_DIST_24] = close / highest(rings[HIGH], at, 24) - 1.0
    out[LOW_DIST_24] = close / lowest(rings[LOW], at, 24) - 1.0
    floor = lowest(rings[LOW], at, 14)
    out[STOCH_K_14] = ratio(close - floor, highest(rings[HIGH], at, 14) - floor)
    below = 0.0
    for i in range(at - 71, at):
        below += 0.5 * (rings[CLOSE, i] < close) + 0.5 * (rings[CLOSE, i] <= close)
    out[RANK_72] = below / 71.0


@njit(error_model="numpy")
def commodity_channel(rings: Floats, at: int, out: Floats) -> None:
    mean = total(rings[TYPICAL], at, 20) / 20.0
    deviation = 0.0
    for i in range(at - 19, at + 1):
        deviation += abs(rings[TYPICAL, i] - mean)
    deviation /= 20.0
    is_flat = deviation <= 1e-14 * mean
    distance = rings[TYPICAL, at] - mean
    out[CCI_20] = np.nan if is_flat else distance / (0.015 * deviation) / 100.0

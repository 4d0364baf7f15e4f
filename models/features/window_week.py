"""The features over 168 candles, read in two passes over the longest window."""

from math import sqrt

from numba import njit

from models.features.layout import (
    CLOSE,
    FLOW,
    HIGH,
    HIGH_DIST_168,
    ILLIQ_RATIO_24_168,
    LOW,
    LOW_DIST_168,
    MOM_Z_24,
    MOM_Z_168,
    RET_24,
    RET_168,
    RETURN,
    RETURN_6,
    SMA_DIST_168,
    VAR_RATIO_6_168,
    VLM_REL_168,
    VOL_168,
    VOLUME,
    VWAP_DIST_168,
    Floats,
)
from models.features.window_price import ratio, total
from models.features.window_risk import NOISE

_WEEK = 168


@njit(error_model="numpy")
def week(rings: Floats, at: int, out: Floats) -> None:
    start, now = at - _WEEK + 1, rings[CLOSE, at]
    closes, volumes, flows, path, net = 0.0, 0.0, 0.0, 0.0, 0.0
    high, low = rings[HIGH, at], rings[LOW, at]
    for k in range(_WEEK):
        change = rings[RETURN, start + k]
        closes += rings[CLOSE, start + k]
        volumes += rings[VOLUME, start + k]
        flows += rings[FLOW, start + k]
        path += abs(change)
        net += change
        high = max(high, rings[HIGH, start + k])
        low = min(low, rings[LOW, start + k])
    out[SMA_DIST_168] = now / (closes / _WEEK) - 1.0
    out[HIGH_DIST_168] = now / high - 1.0
    out[LOW_DIST_168] = now / low - 1.0
    out[VLM_REL_168] = ratio(rings[VOLUME, at], volumes / _WEEK)
    out[VWAP_DIST_168] = ratio(now, ratio(flows, volumes)) - 1.0
    _dispersion(rings, at, net / _WEEK, out)
    path_24 = 0.0
    for i in range(at - 23, at + 1):
        path_24 += abs(rings[RETURN, i])
    day = ratio(path_24, total(rings[FLOW], at, 24))
    out[ILLIQ_RATIO_24_168] = ratio(day, ratio(path, flows))


@njit(error_model="numpy")
def _dispersion(rings: Floats, at: int, mean: float, out: Floats) -> None:
    start = at - _WEEK + 1
    ones, sixes, squares = 0.0, 0.0, 0.0
    for k in range(_WEEK):
        one = rings[RETURN, start + k] - mean
        six = rings[RETURN_6, start + k] - 6.0 * mean
        ones += one * one
        sixes += six * six
        squares += rings[RETURN, start + k] * rings[RETURN, start + k]
    if ones <= NOISE * squares:
        ones = 0.0
    vol = sqrt(ones / (_WEEK - 1.0))
    out[VOL_168] = vol
    out[MOM_Z_24] = ratio(out[RET_24], vol * sqrt(24.0))
    out[MOM_Z_168] = ratio(out[RET_168], vol * sqrt(168.0))
    out[VAR_RATIO_6_168] = ratio(sixes, 6.0 * ones)

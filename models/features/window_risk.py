"""Features of dispersion, volume, memory, the reference and the calendar, each from its window."""

from math import cos, log, pi, sin, sqrt

from numba import njit

from models.features.layout import (
    AUTOCORR1_72,
    BB_PCTB_20,
    BB_WIDTH_20,
    BETA_72,
    BUYING_PRESSURE,
    CHANGED_FLOW,
    CLOSE,
    CLV,
    CMF_20,
    CORR_REF_72,
    CORR_RV_24,
    DOW_COS,
    DOW_SIN,
    FLOW,
    GARMAN_KLASS_24,
    HOUR_COS,
    HOUR_SIN,
    IDIO_RET_24,
    KURT_72,
    LOG_BODY_SQUARED,
    LOG_SPAN_SQUARED,
    MFI_14,
    PARKINSON_24,
    REF_RET_1,
    REF_RET_6,
    REF_RET_24,
    REF_VOL_24,
    REFERENCE,
    REFERENCE_RETURN,
    RET_24,
    RETURN,
    RISING_FLOW,
    SEMIVOL_SHARE_72,
    SKEW_72,
    SVR_24,
    TRUE_RANGE,
    ULTOSC_7_14_28,
    VLM_CV_24,
    VLM_REL_24,
    VLM_TREND_12_72,
    VOL_24,
    VOL_72,
    VOL_RATIO_12_72,
    VOLUME,
    VWAP_DIST_24,
    WVMA_24,
    Floats,
)
from models.features.window_price import ratio, total

NOISE = 1e-24
"""Squared deviations below this share of the squares are rounding, not variance."""

_DAY, _WEEK, _FIRST_MONDAY = 86_400.0, 604_800.0, 345_600.0
_LN_2 = log(2.0)


@njit(error_model="numpy")
def _squares(ring: Floats, at: int, count: int) -> float:
    """Return the sum of squared deviations from the mean; 0 where they are only rounding."""
    mean = total(ring, at, count) / count
    deviations, squares = 0.0, 0.0
    for i in range(at - count + 1, at + 1):
        distance = ring[i] - mean
        deviations += distance * distance
        squares += ring[i] * ring[i]
    return deviations if deviations > NOISE * squares else 0.0


@njit(error_model="numpy")
def _products(first: Floats, second: Floats, at: int, count: int) -> tuple[float, float, float]:
    """Return the sums of squared deviations of both and of their product."""
    first_mean, second_mean = total(first, at, count) / count, total(second, at, count) / count
    xx, yy, xy, x2, y2 = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(at - count + 1, at + 1):
        x, y = first[i] - first_mean, second[i] - second_mean
        xx += x * x
        yy += y * y
        xy += x * y
        x2 += first[i] * first[i]
        y2 += second[i] * second[i]
    return xx if xx > NOISE * x2 else 0.0, yy if yy > NOISE * y2 else 0.0, xy


@njit(error_model="numpy")
def _correlation(first: Floats, second: Floats, at: int, count: int) -> float:
    xx, yy, xy = _products(first, second, at, count)
    return min(max(ratio(xy, sqrt(xx) * sqrt(yy)), -1.0), 1.0)


@njit(error_model="numpy")
def volatility(rings: Floats, at: int, out: Floats) -> None:
    returns = rings[RETURN]
    out[VOL_24] = sqrt(_squares(returns, at, 24) / 23.0)
    spans = total(rings[LOG_SPAN_SQUARED], at, 24) / 24.0
    bodies = total(rings[LOG_BODY_SQUARED], at, 24) / 24.0
    out[PARKINSON_24] = sqrt(spans / (4.0 * _LN_2))
    out[GARMAN_KLASS_24] = sqrt(max(0.5 * spans - (2.0 * _LN_2 - 1.0) * bodies, 0.0))
    _moments(returns, at, out)
    close = rings[CLOSE]
    mean, deviation = total(close, at, 20) / 20.0, sqrt(_squares(close, at, 20) / 20.0)
    out[BB_WIDTH_20] = 4.0 * deviation / mean
    out[BB_PCTB_20] = 0.5 + ratio(close[at] - mean, 4.0 * deviation)


@njit(error_model="numpy")
def _moments(returns: Floats, at: int, out: Floats) -> None:
    mean = total(returns, at, 72) / 72.0
    second, third, fourth, falls, squares = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(at - 71, at + 1):
        value = returns[i]
        distance = value - mean
        square = distance * distance
        second += square
        third += square * distance
        fourth += square * square
        squares += value * value
        falls += min(value, 0.0) * value
    second = second / 72.0 if second > NOISE * squares else 0.0
    vol_72 = sqrt(second * 72.0 / 71.0)
    out[VOL_72] = vol_72
    out[VOL_RATIO_12_72] = ratio(sqrt(_squares(returns, at, 12) / 11.0), vol_72)
    out[SEMIVOL_SHARE_72] = ratio(falls, squares)
    out[SKEW_72] = ratio(third / 72.0, second * sqrt(second))
    out[KURT_72] = ratio(fourth / 72.0, second * second) - 3.0


@njit(error_model="numpy")
def volume(rings: Floats, at: int, out: Floats) -> None:
    volumes = rings[VOLUME]
    day = total(volumes, at, 24)
    out[VLM_REL_24] = ratio(volumes[at], day / 24.0)
    out[VLM_TREND_12_72] = ratio(total(volumes, at, 12) / 12.0, total(volumes, at, 72) / 72.0)
    out[VLM_CV_24] = ratio(sqrt(_squares(volumes, at, 24) / 24.0), day / 24.0)
    average = ratio(total(rings[FLOW], at, 24), day)
    out[VWAP_DIST_24] = ratio(rings[CLOSE, at], average) - 1.0
    out[CORR_RV_24] = _correlation(rings[RETURN], volumes, at, 24)
    _effort(rings, at, out)
    accumulated, traded = 0.0, 0.0
    for i in range(at - 19, at + 1):
        accumulated += rings[CLV, i] * volumes[i]
        traded += volumes[i]
    out[CMF_20] = ratio(accumulated, traded)


@njit(error_model="numpy")
def _effort(rings: Floats, at: int, out: Floats) -> None:
    """Where the volume went, and how evenly it moved the price."""
    signed, traded, effort, squares = 0.0, 0.0, 0.0, 0.0
    for i in range(at - 23, at + 1):
        change, quantity = rings[RETURN, i], rings[VOLUME, i]
        signed += quantity * ((change > 0.0) - (change < 0.0))
        traded += quantity
        effort += abs(change) * quantity
    mean = effort / 24.0
    for i in range(at - 23, at + 1):
        distance = abs(rings[RETURN, i]) * rings[VOLUME, i] - mean
        squares += distance * distance
    out[SVR_24] = ratio(signed, traded)
    out[WVMA_24] = ratio(sqrt(squares / 24.0), mean)


@njit(error_model="numpy")
def pressure(rings: Floats, at: int, out: Floats) -> None:
    """Oscillators of money flow and of buying pressure."""
    rising, changed = total(rings[RISING_FLOW], at, 14), total(rings[CHANGED_FLOW], at, 14)
    out[MFI_14] = ratio(rising, changed)
    bought, ranged = rings[BUYING_PRESSURE], rings[TRUE_RANGE]
    fast = ratio(total(bought, at, 7), total(ranged, at, 7))
    middle = ratio(total(bought, at, 14), total(ranged, at, 14))
    slow = ratio(total(bought, at, 28), total(ranged, at, 28))
    out[ULTOSC_7_14_28] = (4.0 * fast + 2.0 * middle + slow) / 7.0


@njit(error_model="numpy")
def memory(rings: Floats, at: int, out: Floats) -> None:
    returns = rings[RETURN]
    out[AUTOCORR1_72] = _correlation(returns[1:], returns[:-1], at - 1, 72)


@njit(error_model="numpy")
def reference(rings: Floats, at: int, out: Floats) -> None:
    close, changes = rings[REFERENCE], rings[REFERENCE_RETURN]
    out[REF_RET_1] = changes[at]
    out[REF_RET_6] = log(close[at] / close[at - 6])
    out[REF_RET_24] = log(close[at] / close[at - 24])
    out[REF_VOL_24] = sqrt(_squares(changes, at, 24) / 23.0)
    own, other, both = _products(rings[RETURN], changes, at, 72)
    out[BETA_72] = ratio(both, other)
    out[CORR_REF_72] = min(max(ratio(both, sqrt(own) * sqrt(other)), -1.0), 1.0)
    out[IDIO_RET_24] = out[RET_24] - out[BETA_72] * out[REF_RET_24]


@njit(error_model="numpy")
def calendar(closed_at: float, out: Floats) -> None:
    day = 2.0 * pi * (closed_at % _DAY) / _DAY
    week = 2.0 * pi * ((closed_at - _FIRST_MONDAY) % _WEEK) / _WEEK
    out[HOUR_SIN], out[HOUR_COS] = sin(day), cos(day)
    out[DOW_SIN], out[DOW_COS] = sin(week), cos(week)

"""What the models learn: whether a trade entered at the next open pays after costs."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import getsource
from typing import Any
from zlib import crc32

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.features.barrier import MIN_BARRIER_COSTS, barrier_ratios
from models.features.layout import Floats
from shared.domain.bracket import (
    NO_TOUCH,
    STOP,
    STOP_AT_OPEN,
    TARGET_AT_OPEN,
    touch_code,
)
from shared.domain.kelly import net_return_long

__all__ = [
    "MIN_BARRIER_COSTS",
    "Cost",
    "Labels",
    "barrier_ratios",
    "concurrency",
    "label_uniqueness",
    "net_return",
    "sample_weights",
    "triple_barrier",
    "uniqueness",
]

_OPEN, _HIGH, _LOW, _CLOSE = range(4)
_UNLABELLED = -1
_SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What each side of a trade costs, as shares of the price."""

    fee_ratio: float
    slippage_ratio: float

    @property
    def round_trip(self) -> float:
        return 2.0 * (self.fee_ratio + self.slippage_ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """One row per candle; `gross` and `net` are NaN and `end_index` is -1 where unlabelled.

    `hit` is 1 for the target, -1 for the stop, 0 for time; `y` is 1 where `net` is above 0;
    `is_tradeable` says that the barrier is wide enough for its costs.
    """

    gross: Floats
    net: Floats
    y: NDArray[np.int8]
    hit: NDArray[np.int8]
    end_index: NDArray[np.int64]
    is_labelled: NDArray[np.bool_]
    is_tradeable: NDArray[np.bool_]


def net_return(gross: Floats, fee_ratio: float, slippage_ratio: float) -> Floats:
    """Return what is left of gross returns after costs on both sides."""
    return net_return_long(gross, fee_ratio, slippage_ratio)  # pyright: ignore[reportArgumentType, reportReturnType]


def triple_barrier(
    candles: Floats, barrier: Floats, horizon: int, k_target: float, k_stop: float, *, cost: Cost
) -> Labels:
    """Label every candle by the bracket trade decided on it, under the rule of the live executor.

    The trade enters at the next open and leaves at the first touch, at the latest with the close of
    candle t + horizon. A trade that is still open at the end of the history has no label.
    """
    gross = np.full(len(candles), np.nan)
    hit = np.zeros(len(candles), dtype=np.int8)
    end = np.full(len(candles), _UNLABELLED, dtype=np.int64)
    widths = np.stack((k_stop * barrier, k_target * barrier), axis=1)
    _walk(candles, widths, horizon, gross, hit, end)
    return _labels(gross, hit, end, barrier >= MIN_BARRIER_COSTS * cost.round_trip, cost)


def concurrency(first: NDArray[np.int64], last: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return for each of `count` candles how many labels (inclusive spans) it takes part in."""
    steps = np.zeros(count + 1, dtype=np.int64)
    np.add.at(steps, first, 1)
    np.add.at(steps, last + 1, -1)
    return np.cumsum(steps[:-1])


def uniqueness(first: NDArray[np.int64], last: NDArray[np.int64], count: int) -> Floats:
    """Return for each label the mean share of its candles that is its own."""
    shares = 1.0 / np.maximum(concurrency(first, last, count), 1)
    summed = np.concatenate(([0.0], np.cumsum(shares)))
    return (summed[last + 1] - summed[first]) / (last + 1 - first)


def label_uniqueness(labels: Labels) -> Floats:
    """Return the uniqueness of every row, NaN where unlabelled; a label begins at its entry."""
    rows = np.flatnonzero(labels.is_labelled)
    values = np.full(len(labels.is_labelled), np.nan)
    values[rows] = uniqueness(rows + 1, labels.end_index[rows], len(values))
    return values


def sample_weights(
    uniqueness_of_rows: Floats, closed_at: NDArray[np.int64], half_life_days: float = 180.0
) -> Floats:
    """Return training weights with mean 1: unique and recent labels count more."""
    ages = (closed_at.max() - closed_at) / _SECONDS_PER_DAY
    weights = uniqueness_of_rows * np.exp2(-ages / half_life_days)
    return weights / weights.mean()


def _labels(
    gross: Floats,
    hit: NDArray[np.int8],
    end: NDArray[np.int64],
    is_tradeable: NDArray[np.bool_],
    cost: Cost,
) -> Labels:
    net = net_return(gross, cost.fee_ratio, cost.slippage_ratio)
    return Labels(
        gross=gross,
        net=net,
        y=(net > 0.0).astype(np.int8),
        hit=hit,
        end_index=end,
        is_labelled=end != _UNLABELLED,
        is_tradeable=is_tradeable,
    )


@njit(error_model="numpy")
def _exit_price(code: int, stop: float, target: float, candle: Floats) -> float:
    if code == NO_TOUCH:
        return candle[_CLOSE]
    if code in (STOP_AT_OPEN, TARGET_AT_OPEN):
        return candle[_OPEN]
    return stop if code == STOP else target


@njit(error_model="numpy")
def _side(code: int) -> int:
    if code == NO_TOUCH:
        return 0
    return -1 if code in (STOP, STOP_AT_OPEN) else 1


def _compile(rule: int) -> Callable[..., Any]:
    """Compile the walk; `rule` enters the key of the cache, which looks at this file alone."""
    touched = njit(touch_code)

    @njit(error_model="numpy", cache=True)
    def walk(
        candles: Floats,
        widths: Floats,
        horizon: int,
        gross: Floats,
        hit: NDArray[np.int8],
        end: NDArray[np.int64],
    ) -> int:
        count = len(candles)
        for row in range(count - 1):
            if not widths[row, 0] > 0.0:
                continue
            entry, last = candles[row + 1, _OPEN], row + horizon
            stop, target = entry * (1.0 - widths[row, 0]), entry * (1.0 + widths[row, 1])
            for at in range(row + 1, min(last + 1, count)):
                candle = candles[at]
                code = touched(stop, target, candle[_LOW], candle[_HIGH], candle[_OPEN])
                if code != NO_TOUCH or at == last:
                    gross[row] = _exit_price(code, stop, target, candle) / entry - 1.0
                    hit[row], end[row] = _side(code), at
                    break
        return rule

    return walk


_walk = _compile(crc32(getsource(touch_code).encode()))

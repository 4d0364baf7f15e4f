"""What cannot be recomputed from a window: averages that remember everything since the start."""

from math import sqrt

import numpy as np
from numba import njit

from models.features.layout import (
    ADX_14,
    CLOSE,
    DI_DIFF_14,
    DIRECTIONAL,
    EMA_12,
    EMA_26,
    EMA_50,
    EMA_DIST_12,
    EMA_DIST_50,
    EWMA_SQUARE,
    EWMA_VOL_94,
    GAIN_6,
    GAIN_14,
    HIGH,
    LOSS_6,
    LOSS_14,
    LOW,
    MINUS_DM,
    NATR_14,
    PLUS_DM,
    PPO_12_26,
    PPO_HIST_12_26_9,
    PPO_SIGNAL,
    REF_PPO_12_26,
    REF_RSI_14,
    REFERENCE,
    REFERENCE_EMA_12,
    REFERENCE_EMA_26,
    REFERENCE_GAIN,
    REFERENCE_LOSS,
    REFERENCE_SEEN,
    RETURN,
    RSI_6,
    RSI_14,
    RSI_14_CHG_6,
    RSI_HISTORY,
    SEEN,
    TIE,
    TRUE_RANGE,
    TRUE_RANGE_14,
    Floats,
)

_EWMA_DECAY = 0.94
_EWMA_SEED = 33


@njit(error_model="numpy")
def _average(
    state: Floats, slot: int, value: float, inputs: int, periods: int, alpha: float
) -> None:
    """Take the `inputs`-th value: sum until the seed is full, its mean, then exponential steps."""
    if inputs < periods:
        state[slot] += value
    elif inputs == periods:
        state[slot] = (state[slot] + value) / periods
    else:
        state[slot] += alpha * (value - state[slot])


@njit(error_model="numpy")
def _ema(state: Floats, slot: int, value: float, inputs: int, periods: int) -> None:
    _average(state, slot, value, inputs, periods, 2.0 / (periods + 1.0))


@njit(error_model="numpy")
def _wilder(state: Floats, slot: int, value: float, inputs: int, periods: int) -> None:
    _average(state, slot, value, inputs, periods, 1.0 / periods)


@njit(error_model="numpy")
def _share(part: float, other: float) -> float:
    whole = part + other
    return part / whole if whole > 0.0 else np.nan


@njit(error_model="numpy")
def recursions(rings: Floats, at: int, state: Floats, out: Floats) -> None:
    """Advance every recursion by the newest candle and write the features that come from them."""
    seen = int(state[SEEN])
    _trend(rings[CLOSE, at], state, seen, out)
    if seen > 1:
        _strength(rings, at, state, seen - 1, out)
        _direction(rings, at, state, seen - 1, out)
        _volatility(rings, at, state, seen - 1, out)
    if state[REFERENCE_SEEN] > 0:
        _reference(rings, at, state, out)


@njit(error_model="numpy")
def _trend(close: float, state: Floats, inputs: int, out: Floats) -> None:
    _ema(state, EMA_12, close, inputs, 12)
    _ema(state, EMA_26, close, inputs, 26)
    _ema(state, EMA_50, close, inputs, 50)
    if inputs < 26:
        return
    ppo = state[EMA_12] / state[EMA_26] - 1.0
    _ema(state, PPO_SIGNAL, ppo, inputs - 25, 9)
    out[EMA_DIST_12] = close / state[EMA_12] - 1.0
    out[EMA_DIST_50] = close / state[EMA_50] - 1.0
    out[PPO_12_26] = ppo
    out[PPO_HIST_12_26_9] = ppo - state[PPO_SIGNAL]


@njit(error_model="numpy")
def _strength(rings: Floats, at: int, state: Floats, inputs: int, out: Floats) -> None:
    change = rings[CLOSE, at] - rings[CLOSE, at - 1]
    gain, loss = max(change, 0.0), max(-change, 0.0)
    _wilder(state, GAIN_6, gain, inputs, 6)
    _wilder(state, LOSS_6, loss, inputs, 6)
    _wilder(state, GAIN_14, gain, inputs, 14)
    _wilder(state, LOSS_14, loss, inputs, 14)
    for age in range(6):
        state[RSI_HISTORY + age] = state[RSI_HISTORY + age + 1]
    state[RSI_HISTORY + 6] = _share(state[GAIN_14], state[LOSS_14])
    out[RSI_6] = _share(state[GAIN_6], state[LOSS_6])
    out[RSI_14] = state[RSI_HISTORY + 6]
    out[RSI_14_CHG_6] = state[RSI_HISTORY + 6] - state[RSI_HISTORY]


@njit(error_model="numpy")
def _direction(rings: Floats, at: int, state: Floats, inputs: int, out: Floats) -> None:
    up = rings[HIGH, at] - rings[HIGH, at - 1]
    down = rings[LOW, at - 1] - rings[LOW, at]
    tie = TIE * rings[CLOSE, at]
    _wilder(state, PLUS_DM, up if up > tie and up - down > tie else 0.0, inputs, 14)
    _wilder(state, MINUS_DM, down if down > tie and down - up > tie else 0.0, inputs, 14)
    if inputs < 14:
        return
    plus, minus = state[PLUS_DM], state[MINUS_DM]
    moved = plus + minus
    balance = (plus - minus) / moved if moved > 0.0 else np.nan
    _wilder(state, DIRECTIONAL, abs(balance) if moved > 0.0 else 0.0, inputs - 13, 14)
    out[DI_DIFF_14] = balance
    out[ADX_14] = state[DIRECTIONAL]


@njit(error_model="numpy")
def _volatility(rings: Floats, at: int, state: Floats, inputs: int, out: Floats) -> None:
    square = rings[RETURN, at] * rings[RETURN, at]
    _average(state, EWMA_SQUARE, square, inputs, _EWMA_SEED, 1.0 - _EWMA_DECAY)
    _wilder(state, TRUE_RANGE_14, rings[TRUE_RANGE, at], inputs, 14)
    out[EWMA_VOL_94] = sqrt(state[EWMA_SQUARE])
    out[NATR_14] = state[TRUE_RANGE_14] / rings[CLOSE, at]


@njit(error_model="numpy")
def _reference(rings: Floats, at: int, state: Floats, out: Floats) -> None:
    inputs = int(state[REFERENCE_SEEN])
    close = rings[REFERENCE, at]
    _ema(state, REFERENCE_EMA_12, close, inputs, 12)
    _ema(state, REFERENCE_EMA_26, close, inputs, 26)
    if inputs > 1:
        change = close - rings[REFERENCE, at - 1]
        _wilder(state, REFERENCE_GAIN, max(change, 0.0), inputs - 1, 14)
        _wilder(state, REFERENCE_LOSS, max(-change, 0.0), inputs - 1, 14)
    out[REF_RSI_14] = _share(state[REFERENCE_GAIN], state[REFERENCE_LOSS])
    out[REF_PPO_12_26] = state[REFERENCE_EMA_12] / state[REFERENCE_EMA_26] - 1.0

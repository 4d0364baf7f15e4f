"""Invented markets and plain features for the self-test. SYNTHETIC: nothing to trade in them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from models.dataset import CandleArrays, beside, on_grid
from models.leakage.subject import (
    FeatureSource,
    Floats,
    Instrument,
    Matrix,
    Served,
    Subject,
    bracket_labels,
    forward_folds,
)
from models.manifest import LabelRule
from models.validation import WalkForwardRule
from shared.domain.ids import Symbol

HOUR = 3600
HORIZON = 24
RULE = WalkForwardRule(
    embargo_seconds=HORIZON * HOUR, folds=3, test_days=30, first_train_days=90, holdout_days=15
)
_START = 1_704_067_200
_WARM_DAYS = 20
CANDLES = (RULE.days_needed + _WARM_DAYS) * 24
_SYMBOLS = (Symbol("BTC-USDT"), Symbol("ETH-USDT"))
_SIGMA = 0.012
_REGIMES = np.array([0.8, 1.0, 1.6])
_HOLE = range(2_000, 2_003)


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """`momentum` is how far the next return leans with the last six; `has_hole` drops candles."""

    seed: int
    momentum: float = 0.0
    has_hole: bool = False


def subject_of(market: Market, features: FeatureSource) -> Subject:
    """Return two instruments of a market, labelled and cut as they should be."""
    data = candles_of(market)
    grid = {symbol: on_grid(one, HOUR) for symbol, one in data.items()}
    btc, eth = _SYMBOLS
    pairs = ((btc, eth), (eth, btc))
    instruments = [
        Instrument(candles=grid[own], reference=beside(grid[own], data[other]))
        for own, other in pairs
    ]
    return Subject(
        instruments=tuple(_as_served(one, features) for one in instruments),
        features=features,
        labels=bracket_labels(LabelRule(horizon=HORIZON)),
        cut=forward_folds(RULE),
        horizon=HORIZON,
        embargo_seconds=RULE.embargo_seconds,
    )


def candles_of(market: Market) -> dict[Symbol, CandleArrays]:
    draw = np.random.default_rng(market.seed)
    common = draw.standard_t(5, CANDLES)
    regime = _REGIMES[np.repeat(draw.integers(0, 3, CANDLES // 120 + 1), 120)[:CANDLES]]
    return {symbol: _candles(market, symbol, common, regime, draw) for symbol in _SYMBOLS}


def plain(candles: CandleArrays, _reference: CandleArrays) -> Matrix:
    """Return what a careful beginner would compute."""
    close, volume = candles.ohlcv[:, 3], candles.ohlcv[:, 4]
    span = np.log(candles.ohlcv[:, 1] / candles.ohlcv[:, 2])
    returns = _change(close, 1)
    columns = {
        "ret_1": returns,
        "ret_6": _change(close, 6),
        "ret_24": _change(close, 24),
        "vol_24": windows(returns, 24).std(axis=1),
        "span_12": windows(span, 12).mean(axis=1),
        "volume_24": volume / np.maximum(windows(volume, 24).mean(axis=1), 1e-9),
    }
    return matrix_of(columns)


def with_reference(candles: CandleArrays, reference: CandleArrays) -> Matrix:
    """Add what the reference did up to the same instant."""
    close = reference.ohlcv[:, 3]
    columns = {"ref_1": _change(close, 1), "ref_24": _change(close, 24)}
    return beside_columns(plain(candles, reference), columns)


def rescaled(candles: CandleArrays, reference: CandleArrays) -> Matrix:
    """Standardise every column by its own last 72 candles."""
    found = plain(candles, reference)
    columns = {
        name: (values - windows(values, 72).mean(axis=1)) / windows(values, 72).std(axis=1)
        for name, values in zip(found.names, found.values.T, strict=True)
    }
    return matrix_of(columns)


def with_yesterday(candles: CandleArrays, reference: CandleArrays) -> Matrix:
    """Join the return of the last day that is over; a day ends with the candle closing at 0:00."""
    close, closed_at = candles.ohlcv[:, 3], candles.closed_at
    ends = np.flatnonzero(closed_at % 86_400 == 0)
    last = np.searchsorted(ends, np.arange(len(close)), side="right") - 1
    known = last >= 1
    day = np.full(len(close), np.nan)
    day[known] = np.log(close[ends[last[known]]] / close[ends[last[known] - 1]])
    return beside_columns(plain(candles, reference), {"yesterday": day})


def matrix_of(columns: dict[str, Floats]) -> Matrix:
    values = np.stack(tuple(columns.values()), axis=1)
    return Matrix(names=tuple(columns), values=np.where(np.isfinite(values), values, np.nan))


def beside_columns(found: Matrix, columns: dict[str, Floats]) -> Matrix:
    added = matrix_of(columns)
    values = np.concatenate((found.values, added.values), axis=1)
    return Matrix(names=found.names + added.names, values=values)


def windows(values: Floats, length: int) -> NDArray[np.float64]:
    """Return (n, length): the last values up to each, NaN before the first."""
    padded = np.concatenate((np.full(length - 1, np.nan), values))
    return sliding_window_view(padded, length)


def _as_served(instrument: Instrument, features: FeatureSource) -> Instrument:
    """Keep what the features of the last month were when their candles closed."""
    values = features(instrument.candles, instrument.reference).values[-720:]
    served = Served(closed_at=instrument.candles.closed_at[-720:], values=values)
    return replace(instrument, served=served)


def _change(values: Floats, by: int) -> Floats:
    changes = np.full(len(values), np.nan)
    changes[by:] = np.log(values[by:] / values[:-by])
    return changes


def _candles(
    market: Market,
    symbol: Symbol,
    common: Floats,
    regime: Floats,
    draw: np.random.Generator,
) -> CandleArrays:
    noise = np.sqrt(3 / 5) * (0.7 * common + 0.7 * draw.standard_t(5, CANDLES))
    returns = (_SIGMA * regime * noise).tolist()
    if market.momentum:
        for at in range(6, CANDLES):
            lean = np.tanh(sum(returns[at - 6 : at]) / (2 * _SIGMA))
            returns[at] += market.momentum * _SIGMA * lean
    close = 100.0 * np.exp(np.cumsum(returns))
    open_ = np.concatenate(([100.0], close[:-1]))
    wick = np.exp(0.004 * np.abs(draw.normal(size=(2, CANDLES))))
    ohlcv = np.stack(
        (
            open_,
            np.maximum(open_, close) * wick[0],
            np.minimum(open_, close) / wick[1],
            close,
            1_000.0 * np.exp(draw.normal(size=CANDLES)),
        ),
        axis=1,
    )
    rows = np.arange(CANDLES)
    candles = CandleArrays(
        symbol=symbol,
        closed_at=_START + HOUR * (rows + 1),
        ohlcv=ohlcv,
        is_filled=np.zeros(CANDLES, dtype=np.bool_),
    )
    return candles.taken(np.setdiff1d(rows, _HOLE)) if market.has_hole else candles

"""What a model has to beat, over the same candles, after the same costs, under the same caps."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.dataset import CandleArrays, on_grid
from models.features import FEATURE_NAMES, batch
from models.labels import Cost, net_return
from models.strategy.bets import Bets, Caps, Prices, Sizing
from models.strategy.logistic import LogisticModel, fit_logistic
from models.strategy.simulate import Course, Plan, Trades, follow, trade
from shared.domain.ids import Symbol
from shared.domain.kelly import MAX_EXPOSURE_RATIO, MAX_POSITION_RATIO

__all__ = [
    "LogisticModel",
    "base_rate",
    "buy_and_hold",
    "fit_logistic",
    "flat",
    "momentum",
    "trend_of",
]

Floats = NDArray[np.float64]

_LEAST_RSI, _MOST_RSI, _OVERBOUGHT_RSI = 0.50, 0.70, 0.80
_PPO, _RSI = FEATURE_NAMES.index("ppo_12_26"), FEATURE_NAMES.index("rsi_14")


def flat(prices: Prices) -> Course:
    """Hold nothing."""
    count = len(prices.instants)
    nothing = np.empty(0, dtype=np.int64)
    return Course(
        instants=prices.instants,
        equity=np.ones(count),
        returns=np.zeros(count),
        exposure=np.zeros(count),
        trades=Trades(
            decided_at=nothing,
            end_at=nothing,
            instrument=nothing,
            size=np.empty(0),
            net=np.empty(0),
        ),
        turnover=0.0,
    )


def buy_and_hold(prices: Prices, cost: Cost) -> Course:
    """Invest 80 % of the equity, as much in each instrument that trades at the start, to the end.

    Bought at the second candle's open, sold at the last close.
    """
    if len(prices.instants) < 2:
        return flat(prices)
    held = np.flatnonzero(np.isfinite(prices.open[1]))
    last = len(prices.instants) - 1
    gross = _last_known(prices.close[1:, held]) / prices.open[1, held] - 1
    plan = Plan(
        instrument=held,
        decided=np.zeros(len(held), dtype=np.intp),
        ends=np.full(len(held), last, dtype=np.intp),
        net=net_return(gross, cost.fee_ratio, cost.slippage_ratio),
        may_enter=np.ones(len(held), dtype=np.bool_),
        wanted=lambda _row: MAX_EXPOSURE_RATIO / len(held),
    )
    return follow(plan, _caps(cost, cap=1.0), prices)


def momentum(prices: Prices, ppo: Floats, rsi: Floats, cost: Cost) -> Course:
    """Commit 5 % while a trend lasts: in where the fast average leads, out where it falls behind.

    `ppo` and `rsi` (T, n) are the catalogue's `ppo_12_26` and `rsi_14` (0..1) at the closes of the
    grid, NaN where unknown: then nothing is decided. An entry needs a leading average and an RSI
    within 0.5..0.7; a lagging one or an RSI above 0.8 is an exit. Both fill at the next open.
    """
    is_entry = (ppo > 0) & (rsi > _LEAST_RSI) & (rsi < _MOST_RSI)
    is_exit = (ppo < 0) | (rsi > _OVERBOUGHT_RSI)
    is_entry[:-1] &= np.isfinite(prices.open[1:])
    is_entry[-1:] = False
    decided, instrument = np.nonzero(is_entry)
    entered = prices.open[decided + 1, instrument]
    ends, left = _exits(is_exit, prices)
    gross = left[decided + 1, instrument] / entered - 1
    plan = Plan(
        instrument=instrument,
        decided=decided,
        ends=ends[decided + 1, instrument],
        net=net_return(gross, cost.fee_ratio, cost.slippage_ratio),
        may_enter=np.ones(len(decided), dtype=np.bool_),
        wanted=lambda _row: MAX_POSITION_RATIO,
    )
    return follow(plan, _caps(cost, cap=MAX_POSITION_RATIO), prices)


def base_rate(bets: Bets, rate: float, sizing: Sizing, prices: Prices) -> Course:
    """Promise every bet the same: who does so knows nothing and should trade nothing."""
    return trade(replace(bets, probability=np.full(len(bets), rate)), sizing, prices)


def trend_of(
    data: Mapping[Symbol, CandleArrays], symbols: Sequence[Symbol], prices: Prices, step: int
) -> tuple[Floats, Floats]:
    """Return `ppo_12_26` and `rsi_14` (T, n) at the closes of the grid, from all candles before.

    NaN where an instrument has no candle or the averages are not warm yet.
    """
    ppo = np.full(prices.close.shape, np.nan)
    rsi = ppo.copy()
    for column, symbol in enumerate(symbols):
        own, trend = _trend(data[symbol], step)
        place = np.minimum(np.searchsorted(own.closed_at, prices.instants), len(trend) - 1)
        is_there = (own.closed_at[place] == prices.instants) & ~own.is_filled[place]
        ppo[is_there, column], rsi[is_there, column] = trend[place[is_there]].T
    return ppo, rsi


@lru_cache(maxsize=128)
def _trend(candles: CandleArrays, step: int) -> tuple[CandleArrays, Floats]:
    """Return the candles on their grid and both features (n, 2): one for all periods asked for."""
    own = on_grid(candles, step)
    vectors = batch(own.ohlcv, np.full_like(own.ohlcv, np.nan), own.closed_at, own.is_filled)
    return own, vectors[:, (_PPO, _RSI)]


def _caps(cost: Cost, cap: float) -> Caps:
    """Return caps of a way to trade that has no edge to be careful with."""
    return Caps(
        cap=cap,
        exposure=MAX_EXPOSURE_RATIO,
        correlation=0.0,
        entry_cost=(1 + cost.slippage_ratio) * (1 + cost.fee_ratio),
    )


def _exits(is_exit: NDArray[np.bool_], prices: Prices) -> tuple[NDArray[np.intp], Floats]:
    """Return (T, n) where a position held at that close ends, and at which price.

    It ends at the first open after the next exit there is, else at the last close known.
    """
    count = len(prices.instants)
    can_trade = np.isfinite(prices.open)
    fills = _next(can_trade, count)
    leaves = _next(is_exit, count)
    after = np.vstack((fills[1:], np.full((2, prices.instruments), count)))
    ends = np.take_along_axis(after, leaves, axis=0)
    rows = np.minimum(ends, count - 1)
    left = np.take_along_axis(prices.open, rows, axis=0)
    return rows, np.where(ends < count, left, _last_known(prices.close))


def _next(marks: NDArray[np.bool_], none: int) -> NDArray[np.intp]:
    """Return (T, n) the first row at or after each that is marked, `none` where there is not."""
    rows = np.where(marks, np.arange(len(marks))[:, np.newaxis], none)
    return np.minimum.accumulate(rows[::-1], axis=0)[::-1]


def _last_known(closes: Floats) -> Floats:
    """Return (n,) the last close of each column, NaN where there is none."""
    is_known = np.isfinite(closes)
    rows = len(closes) - 1 - np.argmax(is_known[::-1], axis=0)
    return closes[rows, np.arange(closes.shape[1])]

"""The figures of a course."""

from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from models.evaluation.sheet import Estimate, StrategyResult
from models.strategy.simulate import Course

Floats = NDArray[np.float64]

_POINTS = 400
_INTERVAL = (0.10, 0.90)
_SECONDS_PER_DAY = 86_400


def summarise(
    name: str, course: Course, candles_per_year: float, draws: int = 1_000, seed: int = 7
) -> StrategyResult:
    """Return the figures; `draws` and `seed` are of the bootstrap of the mean net per trade."""
    net = course.trades.net
    return StrategyResult(
        name=name,
        net_return=float(course.equity[-1]) - 1,
        sharpe=sharpe(course.returns[1:], candles_per_year),
        max_drawdown=max_drawdown(course.equity),
        trades=len(net),
        hit_rate=float((net > 0).mean()) if len(net) else 0.0,
        mean_net=mean_net(net, draws, seed),
        turnover=course.turnover,
        exposure_ratio=float(course.exposure.mean()),
        curve=_thinned(course),
    )


def sharpe(returns: Floats, per_year: float) -> float:
    """Return the ratio per year of returns per candle, 0 where nothing moved; risk-free rate 0."""
    risk = float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
    return float(returns.mean()) / risk * sqrt(per_year) if risk > 0 else 0.0


def max_drawdown(equity: Floats) -> float:
    """Return the deepest fall from a running peak as a positive ratio."""
    peaks = np.maximum.accumulate(equity)
    return float(((peaks - equity) / peaks).max())


def mean_net(net: Floats, draws: int, seed: int) -> Estimate | None:
    """Return the mean net per trade with its 10 % and 90 % quantile, None without trades.

    `net` is in the order of decisions. Circular block bootstrap (Politis and Romano 1992) over
    blocks of sqrt(n) trades: those decided together or one after another share their luck.
    """
    count = len(net)
    if not count:
        return None
    length = max(round(sqrt(count)), 1)
    blocks = ceil(count / length)
    starts = np.random.default_rng(seed).integers(0, count, (draws, blocks))
    summed = np.concatenate(([0.0], np.cumsum(np.concatenate((net, net)))))
    lengths = np.full(blocks, length)
    lengths[-1] = count - length * (blocks - 1)
    means = (summed[starts + lengths] - summed[starts]).sum(axis=1) / count
    low, high = np.quantile(means, _INTERVAL)
    return Estimate(value=float(net.mean()), low=float(low), high=float(high))


def daily_returns(course: Course) -> Floats:
    """Return (days,) the returns of the UTC days covered; the first and last may be partial.

    A candle that closes at midnight belongs to the day that ends then.
    """
    days = (course.instants - 1) // _SECONDS_PER_DAY
    is_last = np.append(np.diff(days) > 0, True)
    levels = np.concatenate((course.equity[:1], course.equity[is_last]))
    return levels[1:] / levels[:-1] - 1


def _thinned(course: Course) -> tuple[tuple[int, float], ...]:
    count = len(course.instants)
    rows = np.linspace(0, count - 1, min(count, _POINTS)).round().astype(np.intp)
    return tuple(zip(course.instants[rows].tolist(), course.equity[rows].tolist(), strict=True))

"""How well an account did: the same figures for REST and for a backtest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from portfolio.core.outcomes import losers, mean, profit_factor, win_rate, winners
from portfolio.core.trades import RoundTrip
from shared.domain.enums import Interval

_DAY = 86_400
SECONDS_PER_YEAR = 365 * _DAY
_LARGEST_LOG = 700.0
_TAIL = 0.05

Series = NDArray[np.float64]
Instants = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Ratios are fractions (0.1 is 10 %); None where a figure is not defined (no losses, no time).

    return_ratio      None where there was nothing to begin with
    volatility        standard deviation of per-candle returns, annualised
    sharpe, sortino   of per-candle returns, annualised by candles per year, risk-free rate 0
    calmar            growth of a year over the deepest drawdown
    longest_drawdown_seconds   from a peak until it was reached again, or until now
    value_at_risk_ratio, expected_shortfall_ratio   of daily returns: the loss that 5 % of the days
                      exceed, and the mean of those days (Rockafellar & Uryasev 2002)
    expectancy, average_win, average_loss   per closed round trip, in quote, net of fees
    turnover          traded notional over mean equity
    exposure_ratio    mean share of equity invested
    """

    candles: int
    return_ratio: float | None
    cagr: float | None
    volatility: float
    sharpe: float
    sortino: float
    calmar: float | None
    max_drawdown_ratio: float
    longest_drawdown_seconds: int
    value_at_risk_ratio: float | None
    expected_shortfall_ratio: float | None
    best_day_ratio: float | None
    worst_day_ratio: float | None
    trades: int
    win_rate: float | None
    profit_factor: float | None
    expectancy: Decimal | None
    average_win: Decimal | None
    average_loss: Decimal | None
    turnover: float
    fees: Decimal
    exposure_ratio: float


def candles_per_year(interval: Interval) -> float:
    return SECONDS_PER_YEAR / interval.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What was traded over the period of a curve."""

    trips: Sequence[RoundTrip]
    traded_notional: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityCurve:
    """One point before the first candle, then one for each; `seconds` is Unix time.

    `worth` is what the account had, where `equity` is without what was paid in or out on the way.
    """

    seconds: Instants
    equity: Series
    worth: Series | None = None

    @property
    def mean_worth(self) -> float:
        worth = self.equity if self.worth is None else self.worth
        return float(worth.mean()) if len(worth) else 0.0


def measure(
    curve: EquityCurve, invested_ratio: Series, activity: Activity, per_year: float
) -> Performance:
    """Return the figures of a curve and of what was traded along it."""
    equity = curve.equity
    candles = max(len(equity) - 1, 0)
    returns = returns_of(equity)
    mean_equity = curve.mean_worth
    cagr, deepest = _cagr(equity, candles, per_year), max_drawdown(equity)
    days = returns_of(_closing(curve))
    profits = [trip.pnl for trip in activity.trips if trip.closed_at is not None]
    return Performance(
        candles=candles,
        return_ratio=_total_return(equity, candles),
        cagr=cagr,
        volatility=_deviation(returns) * math.sqrt(per_year),
        sharpe=_annualised(returns, _deviation(returns), per_year),
        sortino=_annualised(returns, _downside(returns), per_year),
        calmar=cagr / deepest if cagr is not None and deepest > 0 else None,
        max_drawdown_ratio=deepest,
        longest_drawdown_seconds=longest_drawdown(curve),
        value_at_risk_ratio=value_at_risk(days),
        expected_shortfall_ratio=expected_shortfall(days),
        best_day_ratio=float(days.max()) if len(days) else None,
        worst_day_ratio=float(days.min()) if len(days) else None,
        trades=len(profits),
        win_rate=win_rate(profits),
        profit_factor=profit_factor(profits),
        expectancy=mean(profits),
        average_win=mean(winners(profits)),
        average_loss=mean(losers(profits)),
        turnover=float(activity.traded_notional) / mean_equity if mean_equity > 0 else 0.0,
        fees=activity.fees,
        exposure_ratio=float(invested_ratio.mean()) if len(invested_ratio) else 0.0,
    )


def without_contributions(equity: Series, contributed: Series) -> Series:
    """Return the curve had nothing been paid in or out on the way: time-weighted growth.

    `contributed` is what was paid in so far at each point, withdrawals taken off.
    """
    paid = np.diff(contributed)
    if not paid.any():
        return equity
    growth = np.ones(len(equity))
    growth[1:] += _shares(np.diff(equity) - paid, equity[:-1])
    start = float(equity[0])
    return np.cumprod(growth) * np.float64(start if start > 0 else 1.0)


def max_drawdown(equity: Series) -> float:
    """Return the deepest fall from a running peak as a positive ratio."""
    if not len(equity):
        return 0.0
    peaks = np.maximum.accumulate(equity)
    return float(_shares(peaks - equity, peaks).max())


def longest_drawdown(curve: EquityCurve) -> int:
    """Return the longest time in seconds from a peak until it was reached again, or until the end.

    A fall that ended before the next candle closed cannot be seen.
    """
    if not len(curve.equity):
        return 0
    peaks = np.maximum.accumulate(curve.equity)
    at_peak = np.flatnonzero(curve.equity >= peaks)
    ends = np.append(at_peak, len(peaks) - 1)
    waits = np.where(np.diff(ends) > 1, np.diff(curve.seconds[ends]), 0)
    if at_peak[-1] < len(peaks) - 1:
        waits[-1] = curve.seconds[-1] - curve.seconds[at_peak[-1]]
    return int(waits.max())


def value_at_risk(returns: Series) -> float | None:
    """Return the loss that at most 5 % of the returns exceed; negative where it is a gain."""
    if not len(returns):
        return None
    losses = np.sort(-returns)[::-1]
    return float(losses[_beyond(len(losses))])


def expected_shortfall(returns: Series) -> float | None:
    """Return the mean loss of the worst 5 % of the returns, the last of them in part."""
    if not len(returns):
        return None
    losses = np.sort(-returns)[::-1]
    whole = _beyond(len(losses))
    mass = _TAIL * len(losses)
    return float((losses[:whole].sum() + losses[whole] * (mass - whole)) / mass)


def _beyond(count: int) -> int:
    """Return how many of the worst returns lie wholly within the tail."""
    return min(math.floor(_TAIL * count + 1e-9), count - 1)


def _closing(curve: EquityCurve) -> Series:
    """Return the first value, then the last of each UTC day; midnight ends a day."""
    if len(curve.equity) < 2:
        return curve.equity
    days = (curve.seconds[1:] - 1) // _DAY
    lasts = np.append(np.flatnonzero(np.diff(days)) + 1, len(curve.equity) - 1)
    return curve.equity[np.append(0, lasts)]


def _cagr(equity: Series, candles: int, per_year: float) -> float | None:
    if not candles or equity[0] <= 0 or equity[-1] <= 0:
        return None
    growth = math.log(equity[-1] / equity[0]) * per_year / candles
    return math.expm1(growth) if growth < _LARGEST_LOG else None


def _total_return(equity: Series, candles: int) -> float | None:
    if not candles:
        return 0.0
    return float(equity[-1] / equity[0] - 1.0) if equity[0] > 0 else None


def returns_of(equity: Series) -> Series:
    """Return the change from each point to the next as a ratio; 0 where there was nothing."""
    return _shares(np.diff(equity), equity[:-1])


def _shares(parts: Series, wholes: Series) -> Series:
    """Return the ratios, 0 where there is nothing to have a share of."""
    return np.divide(parts, wholes, out=np.zeros_like(parts), where=wholes > 0)


def _annualised(returns: Series, risk: float, per_year: float) -> float:
    return float(returns.mean()) / risk * math.sqrt(per_year) if risk > 0 else 0.0


def _deviation(returns: Series) -> float:
    return float(returns.std(ddof=1)) if len(returns) > 1 else 0.0


def _downside(returns: Series) -> float:
    if not len(returns):
        return 0.0
    losses = np.minimum(returns, 0.0)
    return float(np.sqrt(np.mean(np.square(losses, out=losses))))

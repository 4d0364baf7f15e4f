"""How well an account did: the same figures for REST and for a backtest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from portfolio.core.trades import RoundTrip
from shared.domain.enums import Interval
from shared.domain.values import ZERO

SECONDS_PER_YEAR = 365 * 86_400
_LARGEST_LOG = 700.0

Series = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Ratios are fractions (0.1 is 10 %); None where a figure is not defined (no losses, no time).

    return_ratio      None where there was nothing to begin with
    sharpe, sortino   of per-candle returns, annualised by candles per year, risk-free rate 0
    turnover          traded notional over mean equity
    exposure_ratio    mean share of equity invested
    """

    candles: int
    return_ratio: float | None
    cagr: float | None
    sharpe: float
    sortino: float
    max_drawdown_ratio: float
    trades: int
    win_rate: float | None
    profit_factor: float | None
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


def measure(
    equity: Series, invested_ratio: Series, activity: Activity, per_year: float
) -> Performance:
    """Return the figures of a curve: one value before the first candle, then one for each."""
    candles = max(len(equity) - 1, 0)
    returns = _returns(equity) if candles else np.zeros(0)
    mean_equity = float(equity.mean()) if len(equity) else 0.0
    closed = [trip for trip in activity.trips if trip.closed_at is not None]
    return Performance(
        candles=candles,
        return_ratio=_total_return(equity, candles),
        cagr=_cagr(equity, candles, per_year),
        sharpe=_annualised(returns, _deviation(returns), per_year),
        sortino=_annualised(returns, _downside(returns), per_year),
        max_drawdown_ratio=max_drawdown(equity),
        trades=len(closed),
        win_rate=win_rate(closed),
        profit_factor=profit_factor(closed),
        turnover=float(activity.traded_notional) / mean_equity if mean_equity > 0 else 0.0,
        fees=activity.fees,
        exposure_ratio=float(invested_ratio.mean()) if len(invested_ratio) else 0.0,
    )


def max_drawdown(equity: Series) -> float:
    """Return the deepest fall from a running peak as a positive ratio."""
    if not len(equity):
        return 0.0
    peaks = np.maximum.accumulate(equity)
    return float(_shares(peaks - equity, peaks).max())


def win_rate(closed: Sequence[RoundTrip]) -> float | None:
    if not closed:
        return None
    return sum(trip.pnl > 0 for trip in closed) / len(closed)


def profit_factor(closed: Sequence[RoundTrip]) -> float | None:
    """Return what the winners won over what the losers lost, None where nothing was lost."""
    won = lost = ZERO
    for profit in (trip.pnl for trip in closed):
        if profit > 0:
            won += profit
        else:
            lost -= profit
    return float(won / lost) if lost > 0 else None


def _cagr(equity: Series, candles: int, per_year: float) -> float | None:
    if not candles or equity[0] <= 0 or equity[-1] <= 0:
        return None
    growth = math.log(equity[-1] / equity[0]) * per_year / candles
    return math.expm1(growth) if growth < _LARGEST_LOG else None


def _total_return(equity: Series, candles: int) -> float | None:
    if not candles:
        return 0.0
    return float(equity[-1] / equity[0] - 1.0) if equity[0] > 0 else None


def _returns(equity: Series) -> Series:
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

"""Whether a Sharpe ratio is more than the luck of the best of many tries.

Source: Bailey and Lopez de Prado, The Deflated Sharpe Ratio, 2014. Ratios are per period, never per
year; kurtosis is 3 for a normal distribution. Where nothing can be said the answer is 0.
"""

from collections.abc import Sequence
from math import e, isfinite, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats: TypeAlias = NDArray[np.float64]

_EULER = 0.5772156649015329
_FLAT = 1e-12
"""A deviation below this share of the largest return is rounding."""


def sharpe_ratio(returns: Floats) -> float:
    """Return mean over sample deviation of `returns` (T,), 0 where they do not vary."""
    if len(returns) < 2 or not np.isfinite(returns).all():
        return 0.0
    deviation = float(returns.std(ddof=1))
    if deviation <= _FLAT * float(np.abs(returns).max()):
        return 0.0
    return float(returns.mean()) / deviation


def probabilistic_sharpe(
    sr: float, count: int, skew: float, kurtosis: float, benchmark: float = 0.0
) -> float:
    """Return the probability that the true Sharpe ratio lies above `benchmark`.

    `sr` was measured over `count` periods. 0 for fewer than two periods, or moments under which
    the variance of `sr` is not positive.
    """
    variance = _sampling_variance(sr, count, skew, kurtosis)
    if not variance > 0 or not isfinite(variance):
        return 0.0
    return float(ndtr((sr - benchmark) / sqrt(variance)))


def expected_max_sharpe(variance: float, trials: int) -> float:
    """Return the largest Sharpe ratio to expect of `trials` strategies without any skill.

    `variance` is that of their Sharpe ratios. 0 for fewer than two trials or no variance: there
    was nothing to choose from.
    """
    if trials < 2 or variance <= 0:
        return 0.0
    first, second = ndtri(1 - 1 / trials), ndtri(1 - 1 / (trials * e))
    return sqrt(variance) * float((1 - _EULER) * first + _EULER * second)


def deflated_sharpe(
    returns: Floats, trial_sharpes: Sequence[float], trials: int
) -> tuple[float, float]:
    """Return the probability that the strategy is better than luck, and what luck would reach.

    Args:
        returns: of the chosen strategy, per period, (T,), flat periods included. T should be at
            least some hundreds: the formula is asymptotic.
        trial_sharpes: per-period Sharpe ratios of the strategies that were tried, as far as known.
        trials: how many were ever tried on these data, at least as many as are known.

    With several trials of which fewer than two are known, the variance between them is taken to be
    the sampling error of this one. (0.0, benchmark) where `returns` do not vary or are not finite.
    """
    known = [one for one in trial_sharpes if isfinite(one)]
    trials = max(trials, len(known))
    if len(returns) < 2 or not np.isfinite(returns).all() or float(returns.std()) == 0:
        return 0.0, expected_max_sharpe(_variance(known), trials)
    sr = sharpe_ratio(returns)
    skew, kurtosis = _shape(returns)
    sampling = _sampling_variance(sr, len(returns), skew, kurtosis)
    benchmark = expected_max_sharpe(_variance(known) if len(known) > 1 else sampling, trials)
    return probabilistic_sharpe(sr, len(returns), skew, kurtosis, benchmark), benchmark


def _sampling_variance(sr: float, count: int, skew: float, kurtosis: float) -> float:
    """Return the variance of a measured Sharpe ratio (Mertens 2002), 0 where it is unknown."""
    if count < 2:
        return 0.0
    return (1 - skew * sr + (kurtosis - 1) / 4 * sr**2) / (count - 1)


def _shape(returns: Floats) -> tuple[float, float]:
    """Return skewness and kurtosis, the moments of the sample without correction."""
    scores = (returns - returns.mean()) / returns.std()
    return float((scores**3).mean()), float((scores**4).mean())


def _variance(sharpes: list[float]) -> float:
    return float(np.var(sharpes, ddof=1)) if len(sharpes) > 1 else 0.0

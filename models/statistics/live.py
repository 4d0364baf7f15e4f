"""What matured labels and trades say about a model that serves.

`uniqueness` is that of each label in (0, 1]: overlapping labels are fewer observations than rows.
No SciPy here: services import this module.
"""

from math import copysign, erfc, inf, isfinite, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Outcomes: TypeAlias = NDArray[np.int8]

CUSUM_LIMIT = 5.0
"""In deviations of one trade."""
MIN_MATURED = 50
"""Fewer matured labels than this say nothing yet."""


def calibration_z(p: Floats, y: Outcomes, uniqueness: Floats) -> float:
    """Return by how many standard errors wins exceed what was promised, 0 without labels.

    sum(y - p) / sqrt(sum p (1 - p)), times the root of the mean uniqueness. Spiegelhalter's z is of
    no use here: its weights 1 - 2p vanish near one half.
    """
    if not len(p):
        return 0.0
    surprise = float((y - p).sum())
    variance = float((p * (1 - p)).sum())
    if variance <= 0:
        return 0.0 if surprise == 0 else copysign(inf, surprise)
    return surprise / sqrt(variance) * sqrt(float(uniqueness.mean()))


def cusum(
    nets: Floats, spread: float, reference: float = 0.0, limit: float = CUSUM_LIMIT
) -> tuple[float, bool]:
    """Return the highest sum of losses without a recovery, in `spread`s, and whether it alarms.

    Args:
        nets: what each trade paid after costs, finite, in the order of their ends.
        spread: standard deviation of one trade.
        reference: the loss per trade, in `spread`s, that is borne without a word.
        limit: the sum above which it alarms.

    S = max(0, S - net / spread - reference). Without a reference a strategy whose trades pay
    nothing on average alarms after about 37 independent trades, one that earns 0.1 spreads per
    trade after about 60, one that earns 0.3 after about 200. A spread that is not positive alarms
    as soon as anything was lost.

    Source: Page 1954.
    """
    running = highest = 0.0
    for net in nets.tolist():
        if spread > 0:
            running = max(0.0, running - net / spread - reference)
        elif net < 0:
            running = inf
        highest = max(highest, running)
    return highest, highest > limit


def brier_worse_than_base(p: Floats, y: Outcomes, base_rate: float, uniqueness: Floats) -> float:
    """Return the p-value that the model's Brier score is worse than always saying the base rate.

    One-sided z of the paired differences with sum(uniqueness) observations. 1 with fewer than two
    labels, or where the two never differ.
    """
    if len(p) < 2:
        return 1.0
    excess = (p - y) ** 2 - (base_rate - y) ** 2
    mean, deviation = float(excess.mean()), float(excess.std(ddof=1))
    if deviation <= 0:
        return 0.0 if mean > 0 else 1.0
    z = mean / deviation * sqrt(float(uniqueness.sum()))
    return erfc(z / sqrt(2)) / 2


def drift_factor(psi: float) -> float:
    """Return the confidence left where the PSI of the predictions is `psi`.

    1 up to 0.10, 0.5 at 0.25, 0 from 0.50, linear between; 0 where `psi` is not a number.
    """
    if not isfinite(psi):
        return 0.0
    return float(np.interp(psi, (0.10, 0.25, 0.50), (1.0, 0.5, 0.0)))


def live_factor(z: float, matured: int) -> float:
    """Return the confidence left by matured labels whose calibration is `z` standard errors off.

    1 with fewer than `MIN_MATURED`; 0 where `z` is not a number.
    """
    if matured < MIN_MATURED:
        return 1.0
    if not isfinite(z):
        return 0.0
    return min(max(1.5 - abs(z) / 4, 0.0), 1.0)

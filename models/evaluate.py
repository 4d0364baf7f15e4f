"""How good probabilities are, on rows that fitted nothing, against always saying the base rate."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Outcomes = NDArray[np.int8]

_FLOOR = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """All weighted by uniqueness; `base_*` are those of the constant training base rate."""

    rows: int
    n_effective: float
    base_rate: float
    log_loss: float
    base_log_loss: float
    brier: float
    base_brier: float
    auc: float
    ece: float

    @property
    def beats_base_rate(self) -> bool:
        return self.log_loss < self.base_log_loss


def evaluate(p: Floats, y: Outcomes, weights: Floats, base_rate: float) -> Metrics | None:
    """Return how `p` did, None where there is nothing to judge by."""
    if len(y) == 0 or weights.sum() <= 0:
        return None
    constant = np.full(len(y), base_rate)
    return Metrics(
        rows=len(y),
        n_effective=float(weights.sum()),
        base_rate=_mean(y.astype(np.float64), weights),
        log_loss=log_loss(p, y, weights),
        base_log_loss=log_loss(constant, y, weights),
        brier=brier(p, y, weights),
        base_brier=brier(constant, y, weights),
        auc=auc(p, y, weights),
        ece=ece(p, y, weights),
    )


def log_loss(p: Floats, y: Outcomes, weights: Floats) -> float:
    return _mean(losses(p, y), weights)


def gain(p: Floats, rival: Floats, y: Outcomes, weights: Floats) -> tuple[float, float]:
    """Return how far the log loss of `p` lies below that of `rival`, and its standard error.

    The weights are uniqueness: overlapping labels count together as the few that they are.
    """
    gaps = losses(rival, y) - losses(p, y)
    mean = _mean(gaps, weights)
    variance = _mean((gaps - mean) ** 2, weights)
    return mean, sqrt(variance / float(weights.sum()))


def brier(p: Floats, y: Outcomes, weights: Floats) -> float:
    return _mean((p - y) ** 2, weights)


def auc(p: Floats, y: Outcomes, weights: Floats) -> float:
    """Return the chance that a win was given a higher probability than a loss; a tie counts half.

    0.5 where one of the two is missing.
    """
    values, group = np.unique(p, return_inverse=True)
    wins = np.bincount(group, weights * (y > 0), len(values))
    losses = np.bincount(group, weights * (y <= 0), len(values))
    pairs = float(wins.sum() * losses.sum())
    if pairs == 0:
        return 0.5
    below = np.cumsum(losses) - losses
    return float(wins @ (below + losses / 2)) / pairs


def ece(p: Floats, y: Outcomes, weights: Floats, bins: int = 10) -> float:
    """Return the mean gap between promised and observed frequency over bins of equal mass."""
    order = np.argsort(p, kind="stable")
    cumulative = np.cumsum(weights[order])
    total = float(cumulative[-1])
    middle = cumulative - weights[order] / 2
    bin_of = np.minimum((middle / total * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(bin_of, weights[order] * (p[order] - y[order]), bins)
    return float(np.abs(gaps).sum()) / total


def losses(p: Floats, y: Outcomes) -> Floats:
    clipped = np.clip(p, _FLOOR, 1 - _FLOOR)
    return -np.where(y > 0, np.log(clipped), np.log1p(-clipped))


def _mean(values: Floats, weights: Floats) -> float:
    return float(values @ weights) / float(weights.sum())

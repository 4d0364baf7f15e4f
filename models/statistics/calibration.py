"""Whether probabilities mean what they say, as far as so many labels can tell.

`weights` are uniqueness: their sum is the effective number of labels.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.evaluate import ece
from models.evaluation.sheet import Bin
from shared.domain.errors import BadInput

Floats: TypeAlias = NDArray[np.float64]
Outcomes: TypeAlias = NDArray[np.int8]

_EDGE = 1e-9
_RIDGE = 1e-9
_MAX_STEPS = 100
_HALVINGS = 30


def ece_null(
    p: Floats, weights: Floats, bins: int = 10, draws: int = 400, seed: int = 7
) -> tuple[float, float]:
    """Return mean and 95 % quantile of the ECE that perfectly calibrated `p` (m,) would show.

    Labels are drawn as Bernoulli(p) on as many rows as there are effective labels, spread evenly
    over the weight of the sorted `p`. About sqrt(2 p (1 - p) bins / (pi n)) on average.

    Raises:
        BadInput: no rows, or no weight.
    """
    if not len(p) or weights.sum() <= 0:
        raise BadInput("weights", "there is no weight", "give labels that count")
    order = np.argsort(p, kind="stable")
    reached = np.cumsum(weights[order])
    count = max(round(float(reached[-1])), 1)
    positions = (np.arange(count) + 0.5) / count * reached[-1]
    spread = p[order][np.minimum(np.searchsorted(reached, positions), len(p) - 1)]
    even = np.ones(count)
    draw = np.random.default_rng(seed)
    shown = [
        ece(spread, (draw.random(count) < spread).astype(np.int8), even, bins) for _ in range(draws)
    ]
    return float(np.mean(shown)), float(np.quantile(shown, 0.95))


def calibration_line(p: Floats, y: Outcomes, weights: Floats) -> tuple[float, float]:
    """Return slope and intercept of the logistic regression of `y` on the log-odds of `p`.

    1 and 0 where promises are kept; a slope below 1 says that they were too bold. Slope 0 and the
    log-odds of the base rate where `p` is constant or only one outcome was seen: nothing to fit.
    Newton's method; the ridge only keeps perfectly separated outcomes finite. Source: Cox 1958.

    Raises:
        BadInput: no rows, or no weight.
    """
    if not len(p) or weights.sum() <= 0:
        raise BadInput("weights", "there is no weight", "give labels that count")
    clipped = np.clip(p, _EDGE, 1 - _EDGE)
    odds = np.log(clipped) - np.log1p(-clipped)
    base = float(weights @ y) / float(weights.sum())
    if float(np.ptp(odds)) == 0 or base in {0.0, 1.0}:
        base = min(max(base, _EDGE), 1 - _EDGE)
        return 0.0, float(np.log(base / (1 - base)))
    columns = np.stack((odds, np.ones(len(odds))), axis=1)
    solution = _newton(columns, y, weights / weights.sum())
    return float(solution[0]), float(solution[1])


def reliability_bins(p: Floats, y: Outcomes, weights: Floats, bins: int = 10) -> tuple[Bin, ...]:
    """Return what was promised and seen in bins of equal mass, ascending, empty ones left out.

    The bins are those of `models.evaluate.ece`.
    """
    if not len(p) or weights.sum() <= 0:
        return ()
    order = np.argsort(p, kind="stable")
    mass = weights[order]
    cumulative = np.cumsum(mass)
    middle = cumulative - mass / 2
    bin_of = np.minimum((middle / cumulative[-1] * bins).astype(np.int64), bins - 1)
    totals = np.bincount(bin_of, mass, bins)
    promised = np.bincount(bin_of, mass * p[order], bins)
    observed = np.bincount(bin_of, mass * y[order], bins)
    return tuple(
        Bin(
            promised=float(promised[one] / totals[one]),
            observed=float(observed[one] / totals[one]),
            n_effective=float(totals[one]),
        )
        for one in np.flatnonzero(totals > 0)
    )


def roc_points(
    p: Floats, y: Outcomes, weights: Floats, points: int = 100
) -> tuple[tuple[float, float], ...]:
    """Return (false positive rate, true positive rate) from (0, 0) to (1, 1), at most `points`.

    Rows of equal `p` are one step. Thinned evenly along the curve; the diagonal where one of the
    two outcomes was never seen.
    """
    values, group = np.unique(-p, return_inverse=True)
    wins = np.cumsum(np.bincount(group, weights * (y > 0), len(values)))
    losses = np.cumsum(np.bincount(group, weights * (y <= 0), len(values)))
    if not len(values) or wins[-1] <= 0 or losses[-1] <= 0:
        return (0.0, 0.0), (1.0, 1.0)
    true = np.concatenate(([0.0], wins / wins[-1]))
    false = np.concatenate(([0.0], losses / losses[-1]))
    along = true + false
    kept = np.unique(np.searchsorted(along, np.linspace(0, along[-1], points)))
    return tuple(zip(false[kept].tolist(), true[kept].tolist(), strict=True))


def _newton(columns: Floats, y: Outcomes, weights: Floats) -> Floats:
    solution = np.array([1.0, 0.0])
    loss = _loss(columns, y, weights, solution)
    for _ in range(_MAX_STEPS):
        p = np.exp(-np.logaddexp(0, -(columns @ solution)))
        gradient = columns.T @ (weights * (p - y)) + _RIDGE * solution
        bend = (columns * (weights * p * (1 - p))[:, np.newaxis]).T @ columns
        step = np.linalg.solve(bend + _RIDGE * np.eye(2), gradient).astype(np.float64)
        following, after = solution, loss
        for halving in range(_HALVINGS):
            following = solution - step / 2**halving
            after = _loss(columns, y, weights, following)
            if after <= loss:
                break
        if loss - after <= 1e-15:
            break
        solution, loss = following, after
    return solution


def _loss(columns: Floats, y: Outcomes, weights: Floats, solution: Floats) -> float:
    score = columns @ solution
    ridge = _RIDGE / 2 * float(solution @ solution)
    return float(weights @ (np.logaddexp(0, score) - y * score)) + ridge

"""From a booster's margin to a probability one can bet on, and how much evidence it rests on."""

from bisect import bisect_left
from dataclasses import dataclass, replace
from math import exp
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PRIOR_LABELS = 200.0
_KNOTS = 200
_NEIGHBOURHOOD = 20  # knot steps: the nearest tenth of the rows
_MAX_NEIGHBOURS = 1_000.0
_GUARD = (0.001, 0.999)
_RIDGE = 1e-6
_MAX_STEPS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrator:
    """p = sigmoid(A m + B) with m clamped to the range that calibration has seen.

    `knots` are quantiles of the calibration margins, `effective` the effective number of labels
    (sum of uniqueness) at or below each.
    """

    A: float
    B: float
    margin_low: float
    margin_high: float
    knots: tuple[float, ...]
    effective: tuple[float, ...]
    kind: Literal["platt_margin"] = "platt_margin"

    def probability(self, margin: float) -> float:
        clamped = min(max(margin, self.margin_low), self.margin_high)
        return sigmoid(self.A * clamped + self.B)

    def neighbours(self, margin: float) -> float:
        """Return the effective number of labels in the tenth of the rows nearest to `margin`."""
        knots = self.knots
        last = len(knots) - 1 - _NEIGHBOURHOOD
        start = bisect_left(
            range(last), 2 * margin, key=lambda s: knots[s] + knots[s + _NEIGHBOURHOOD]
        )
        if start > 0 and _reach(knots, start - 1, margin) < _reach(knots, start, margin):
            start -= 1
        count = self.effective[start + _NEIGHBOURHOOD] - self.effective[start]
        return min(count, _MAX_NEIGHBOURS)


def sigmoid(x: float) -> float:
    if x >= 0:
        return 1 / (1 + exp(-x))
    odds = exp(x)
    return odds / (1 + odds)


def fit_platt(margins: Floats, y: NDArray[np.int8], uniqueness: Floats) -> Calibrator:
    """Fit slope and intercept by weighted logistic regression (ridge 1e-6 on the slope).

    A booster whose margins point the wrong way gets slope 0: it then says the base rate and bets
    on nothing.
    """
    slope, intercept = _logistic(margins, y, uniqueness)
    if slope <= 0:
        slope, intercept = 0.0, _log_odds(y, uniqueness)
    low, high = np.quantile(margins, _GUARD)
    knots, effective = _evidence(margins, uniqueness)
    return Calibrator(
        A=slope,
        B=intercept,
        margin_low=float(low),
        margin_high=float(high),
        knots=knots,
        effective=effective,
    )


def with_own_intercept(
    pooled: Calibrator,
    margins: Floats,
    y: NDArray[np.int8],
    uniqueness: Floats,
    prior_labels: float = PRIOR_LABELS,
) -> Calibrator:
    """Return the pooled calibrator with the intercept of one instrument, shrunk to the pooled."""
    count = float(uniqueness.sum())
    if count <= 0:
        return pooled
    clamped = np.clip(margins, pooled.margin_low, pooled.margin_high)
    own = _intercept(pooled.A * clamped, y, uniqueness, start=pooled.B)
    share = count / (count + prior_labels)
    return replace(pooled, B=pooled.B + share * (own - pooled.B))


def probabilities(calibrator: Calibrator, margins: Floats) -> Floats:
    return np.array([calibrator.probability(float(margin)) for margin in margins])


def _reach(knots: tuple[float, ...], start: int, margin: float) -> float:
    return max(margin - knots[start], knots[start + _NEIGHBOURHOOD] - margin)


def _evidence(margins: Floats, uniqueness: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    order = np.argsort(margins, kind="stable")
    cumulative = np.concatenate(([0.0], np.cumsum(uniqueness[order])))
    positions = np.linspace(0, len(margins), _KNOTS + 1).round().astype(np.int64)
    knots = margins[order][np.minimum(positions, len(margins) - 1)]
    return tuple(knots.tolist()), tuple(cumulative[positions].tolist())


def _logistic(margins: Floats, y: NDArray[np.int8], weights: Floats) -> tuple[float, float]:
    """Newton's method on sum w_i log-loss_i + ridge/2 slope^2, halving steps that do not help."""
    columns = np.stack((margins, np.ones(len(margins))), axis=1)
    ridge = np.array([_RIDGE, 0.0])
    solution = np.array([1.0, 0.0])
    loss = _loss(columns, y, weights, solution)
    for _ in range(_MAX_STEPS):
        p = _sigmoids(columns @ solution)
        gradient = columns.T @ (weights * (p - y)) + ridge * solution
        curvature = (columns * (weights * p * (1 - p))[:, np.newaxis]).T @ columns + np.diag(ridge)
        step: Floats = np.linalg.lstsq(curvature, gradient)[0].astype(np.float64)
        following, after = _damped(columns, y, weights, solution, step, loss)
        if loss - after <= 1e-14 * max(1.0, abs(loss)):
            break
        solution, loss = following, after
    return float(solution[0]), float(solution[1])


def _damped(
    columns: Floats,
    y: NDArray[np.int8],
    weights: Floats,
    solution: Floats,
    step: Floats,
    loss: float,
) -> tuple[Floats, float]:
    for halving in range(30):
        following = solution - step / 2**halving
        after = _loss(columns, y, weights, following)
        if after <= loss:
            return following, after
    return solution, loss


def _loss(columns: Floats, y: NDArray[np.int8], weights: Floats, solution: Floats) -> float:
    score = columns @ solution
    return float(weights @ (np.logaddexp(0, score) - y * score)) + _RIDGE / 2 * solution[0] ** 2


def _sigmoids(scores: Floats) -> Floats:
    return np.exp(-np.logaddexp(0, -scores))


def _intercept(offsets: Floats, y: NDArray[np.int8], weights: Floats, start: float) -> float:
    """Solve sum w (sigmoid(offset + B) - y) = 0 by bisection; one-sided labels stop at +-10."""
    low, high = start - 10.0, start + 10.0
    for _ in range(80):
        middle = (low + high) / 2
        if float(weights @ (_sigmoids(offsets + middle) - y)) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _log_odds(y: NDArray[np.int8], weights: Floats) -> float:
    share = float(weights @ y) / float(weights.sum())
    clipped = min(max(share, 1e-6), 1 - 1e-6)
    return float(np.log(clipped / (1 - clipped)))

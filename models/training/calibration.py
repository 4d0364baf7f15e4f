"""Fitting calibrations: Platt on the margin, a rising step function where it earns its place."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from models.calibrate import PRIOR_LABELS, Calibrator, CalibratorKind, probabilities
from models.evaluate import log_loss

Floats = NDArray[np.float64]
Fit: TypeAlias = Callable[[Floats, NDArray[np.int8], Floats], Calibrator]

_KNOTS = 200
_GUARD = (0.001, 0.999)
_RIDGE = 1e-6
_MAX_STEPS = 100
_ISOTONIC_LABELS = 10_000.0
_ISOTONIC_RANGE = (0.01, 0.99)


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


def fit_isotonic(margins: Floats, y: NDArray[np.int8], uniqueness: Floats) -> Calibrator:
    """Fit a rising step function, its values kept within 0.01 and 0.99."""
    low, high = _ISOTONIC_RANGE
    steps = IsotonicRegression(y_min=low, y_max=high, out_of_bounds="clip")
    steps.fit(margins, y, sample_weight=uniqueness)
    platt = fit_platt(margins, y, uniqueness)
    return replace(
        platt,
        kind="isotonic",
        x=tuple(np.asarray(steps.X_thresholds_, dtype=np.float64).tolist()),
        y=tuple(np.asarray(steps.y_thresholds_, dtype=np.float64).tolist()),
    )


FITS: Mapping[CalibratorKind, Fit] = {"platt_margin": fit_platt, "isotonic": fit_isotonic}


def fit_calibrator(
    margins: Floats, y: NDArray[np.int8], uniqueness: Floats, fold_of: NDArray[np.int64]
) -> Calibrator:
    """Fit Platt; isotonic only where 10,000 effective labels are there and other folds agree."""
    if float(uniqueness.sum()) < _ISOTONIC_LABELS:
        return fit_platt(margins, y, uniqueness)
    losses = {
        fit: log_loss(cross_calibrated(margins, y, uniqueness, fold_of, fit), y, uniqueness)
        for fit in FITS.values()
    }
    return min(losses, key=lambda fit: losses[fit])(margins, y, uniqueness)


def cross_calibrated(
    margins: Floats,
    y: NDArray[np.int8],
    uniqueness: Floats,
    fold_of: NDArray[np.int64],
    fit: Fit = fit_platt,
) -> Floats:
    """Return the probability of each row under a calibration fitted on the other folds alone."""
    p = np.empty(len(margins))
    for fold, calibrator in fold_calibrators(margins, y, uniqueness, fold_of, fit).items():
        mine = fold_of == fold
        p[mine] = probabilities(calibrator, margins[mine])
    return p


def fold_calibrators(
    margins: Floats,
    y: NDArray[np.int8],
    uniqueness: Floats,
    fold_of: NDArray[np.int64],
    fit: Fit,
) -> dict[int, Calibrator]:
    """Return, by fold, the calibration fitted on the others alone; a lone fold fits its own."""
    found: dict[int, Calibrator] = {}
    for fold in np.unique(fold_of).tolist():
        mine = fold_of == fold
        others = ~mine if not mine.all() else mine
        found[fold] = fit(margins[others], y[others], uniqueness[others])
    return found


def with_own_intercept(
    pooled: Calibrator,
    margins: Floats,
    y: NDArray[np.int8],
    uniqueness: Floats,
    prior_labels: float = PRIOR_LABELS,
) -> Calibrator:
    """Return the pooled calibrator with the intercept of one instrument, shrunk to the pooled."""
    count = float(uniqueness.sum())
    if count <= 0 or pooled.kind == "isotonic":
        return pooled
    clamped = np.clip(margins, pooled.margin_low, pooled.margin_high)
    own = _intercept(pooled.A * clamped, y, uniqueness, start=pooled.B)
    share = count / (count + prior_labels)
    return replace(pooled, B=pooled.B + share * (own - pooled.B))


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

"""The rival every booster has to beat: an L2 logistic regression on the same features."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from shared.domain.errors import BadInput

Floats = NDArray[np.float64]

STRENGTH = 2e-5
"""scikit-learn's C for weights of mean 1. The log-odds of 86 standardised features together are
expected to differ by some 0.15 (an AUC near 0.54), and a label to count for a fifteenth, as so many
overlap: 0.15^2 / 86 / 15."""
_CLIPPED = (0.005, 0.995)
_MAX_STEPS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogisticModel:
    """Per feature (86,): what stands for a missing value, the range kept, scale and coefficient."""

    median: Floats
    low: Floats
    high: Floats
    mean: Floats
    scale: Floats
    coefficients: Floats
    intercept: float

    def log_odds(self, vectors: NDArray[np.float32]) -> Floats:
        """Return (m,) the log-odds that a trade pays."""
        values = np.where(np.isfinite(vectors), vectors, self.median)
        standard = (np.clip(values, self.low, self.high) - self.mean) / self.scale
        return standard @ self.coefficients + self.intercept


def fit_logistic(
    vectors: NDArray[np.float32], y: NDArray[np.int8], weights: Floats
) -> LogisticModel:
    """Fit on these rows alone: medians, ranges, scales, coefficients; no chance is involved.

    Weights count relative to their mean. A feature that never varies gets no coefficient.

    Raises:
        BadInput: no rows, columns of different length, or outcomes of one kind.
    """
    if not len(y) == len(vectors) == len(weights):
        raise BadInput("rows", "the columns differ in length", "give one of each per row")
    if len(np.unique(y[weights > 0])) != 2:
        raise BadInput("y", "has outcomes of one kind", "give a longer history")
    known = np.where(np.isfinite(vectors), vectors, np.nan).astype(np.float64)
    known[:, np.isnan(known).all(axis=0)] = 0.0
    median = np.nanmedian(known, axis=0)
    low, high = np.nanquantile(known, _CLIPPED, axis=0)
    values = np.clip(np.where(np.isnan(known), median, known), low, high)
    mean, spread = values.mean(axis=0), values.std(axis=0)
    scale = np.where(spread > 1e-12 * np.maximum(np.abs(mean), 1.0), spread, np.inf)
    fitted = LogisticRegression(C=STRENGTH, max_iter=_MAX_STEPS).fit(
        (values - mean) / scale, y, sample_weight=weights / weights.mean()
    )
    return LogisticModel(
        median=median,
        low=low,
        high=high,
        mean=mean,
        scale=scale,
        coefficients=np.asarray(fitted.coef_[0], dtype=np.float64),
        intercept=float(fitted.intercept_[0]),
    )

"""From a booster's margin to a probability one can bet on, and how much evidence it rests on."""

from bisect import bisect_left
from dataclasses import dataclass
from math import exp
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
CalibratorKind: TypeAlias = Literal["platt_margin", "isotonic"]

PRIOR_LABELS = 200.0
_NEIGHBOURHOOD = 20  # knot steps: the nearest tenth of the rows
_MAX_NEIGHBOURS = 1_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrator:
    """p = sigmoid(A m + B) with m clamped to the range that calibration has seen.

    An isotonic one goes through the points (`x`, `y`) in straight lines instead. `knots` are
    quantiles of the calibration margins, `effective` the effective number of labels (sum of
    uniqueness) at or below each.
    """

    A: float
    B: float
    margin_low: float
    margin_high: float
    knots: tuple[float, ...]
    effective: tuple[float, ...]
    kind: CalibratorKind = "platt_margin"
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def probability(self, margin: float) -> float:
        clamped = min(max(margin, self.margin_low), self.margin_high)
        if self.kind == "isotonic":
            return float(np.interp(clamped, self.x, self.y))
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


def probabilities(calibrator: Calibrator, margins: Floats) -> Floats:
    return np.array([calibrator.probability(float(margin)) for margin in margins])


def _reach(knots: tuple[float, ...], start: int, margin: float) -> float:
    return max(margin - knots[start], knots[start + _NEIGHBOURHOOD] - margin)

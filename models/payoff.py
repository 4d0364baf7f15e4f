"""What a win pays and a loss costs, in units of the barrier, and the Kelly bet of a good signal."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibrate import PRIOR_LABELS, Calibrator
from shared.domain.kelly import (
    LOWER_BOUND_QUANTILE,
    breakeven_probability,
    kelly_two_point,
    net_return_long,
    probability_lower_bound,
)

Floats = NDArray[np.float64]

_REFERENCE_QUANTILE = 0.90
_MAX_BETS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Payoff:
    """`a_win`, `a_loss`: mean gross win and loss (positive) over the barrier; n: labels behind.

    `reference_kelly` is the 90th percentile of the positive Kelly fractions, 0 where none was.
    """

    a_win: float
    a_loss: float
    n_win: float
    n_loss: float
    reference_kelly: float = 0.0


def measure_payoff(
    gross: Floats,
    barrier: Floats,
    y: NDArray[np.int8],
    uniqueness: Floats,
    pooled: Payoff | None = None,
) -> Payoff:
    """Return the weighted means, shrunk to the pooled ones by 200 labels where these are given."""
    units = gross / barrier
    n_win, win = _mean(units, uniqueness * (y > 0))
    n_loss, loss = _mean(-units, uniqueness * (y <= 0))
    if pooled is not None:
        win = _shrunk(win, n_win, pooled.a_win)
        loss = _shrunk(loss, n_loss, pooled.a_loss)
    return Payoff(a_win=win, a_loss=loss, n_win=n_win, n_loss=n_loss)


def reference_kelly(
    margins: Floats,
    barrier: Floats,
    calibrator: Calibrator,
    payoff: Payoff,
    costs: tuple[float, float],
) -> float:
    """Return the 90th percentile of the positive Kelly fractions of these bets, after all doubt.

    `costs` are the fee and the slippage ratio per side.
    """
    bets: list[float] = []
    for margin, width in _spread(margins, barrier):
        p = calibrator.probability(margin)
        win = net_return_long(payoff.a_win * width, *costs)
        loss = -net_return_long(-payoff.a_loss * width, *costs)
        breakeven = breakeven_probability(win, loss)
        if win <= 0 or loss <= 0 or p <= breakeven:
            continue
        cautious = probability_lower_bound(
            p, calibrator.neighbours(margin), LOWER_BOUND_QUANTILE, breakeven
        )
        bets.append(kelly_two_point(cautious, win, loss))
    positive = [bet for bet in bets if bet > 0]
    return float(np.quantile(positive, _REFERENCE_QUANTILE)) if positive else 0.0


def _spread(margins: Floats, barrier: Floats) -> list[tuple[float, float]]:
    """Return at most 500 of the bets, evenly over the order of their margins."""
    order = np.argsort(margins, kind="stable")
    if len(order) > _MAX_BETS:
        order = order[np.linspace(0, len(order) - 1, _MAX_BETS).round().astype(np.int64)]
    return list(zip(margins[order].tolist(), barrier[order].tolist(), strict=True))


def _mean(values: Floats, weights: Floats) -> tuple[float, float]:
    total = float(weights.sum())
    return total, float(values @ weights) / total if total > 0 else 0.0


def _shrunk(value: float, count: float, pooled: float) -> float:
    return (count * value + PRIOR_LABELS * pooled) / (count + PRIOR_LABELS)

"""Intervals that know that neighbouring rows, and instruments at one instant, move together."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.evaluation.sheet import Estimate
from shared.domain.errors import BadInput

Floats: TypeAlias = NDArray[np.float64]
Measure: TypeAlias = Callable[[Floats], float]
"""A figure of the rows, given the weight of each (m,)."""


class BlockBootstrap:
    """Resamples instants in blocks of consecutive ones, all rows of an instant together.

    A block holds as many distinct instants as fit into `block_seconds`, at least one, and may run
    past the last instant into the first, so every instant is drawn equally often. All methods use
    the same resamples: two figures of one object are paired draw by draw. A draw in which no row
    has weight is NaN.

    Source: the circular block bootstrap, Politis and Romano 1992.

    Raises:
        BadInput: no rows, or fewer instants than two blocks need.
    """

    def __init__(
        self,
        decided_at: NDArray[np.int64],
        block_seconds: int,
        draws: int = 1_000,
        seed: int = 7,
    ) -> None:
        instants, self._instant_of = np.unique(decided_at, return_inverse=True)
        self._instants = len(instants)
        if self._instants < 2:
            raise BadInput("decided_at", "fewer than two instants", "give a longer history")
        step = int(np.diff(instants).min())
        length = max(block_seconds // step, 1)
        if self._instants < 2 * length:
            raise BadInput(
                "decided_at",
                f"{self._instants} instants are not two blocks of {length}",
                "give a longer history, or shorter blocks",
            )
        blocks = -(-self._instants // length)
        self._lengths = np.full(blocks, length)
        self._lengths[-1] = self._instants - length * (blocks - 1)
        self._starts = np.random.default_rng(seed).integers(0, self._instants, (draws, blocks))

    @property
    def blocks(self) -> int:
        """How many blocks make a draw: about the number of independent stretches of time."""
        return len(self._lengths)

    def means(self, values: Floats, weights: Floats) -> Floats:
        """Return the weighted mean of `values` (m,) in every draw (draws,)."""
        totals = self._totals(weights)
        sums = self._totals(values * weights)
        return np.divide(sums, totals, out=np.full(len(sums), np.nan), where=totals > 0)

    def statistic(self, measure: Measure, weights: Floats) -> Floats:
        """Return `measure` of the resampled row weights in every draw (draws,)."""
        return np.array(
            [_measured(measure, one) for one in self._resampled(weights, self._instant_of)]
        )

    def auc(self, margin: Floats, y: NDArray[np.int8], weights: Floats) -> Floats:
        """Return the AUC in every draw (draws,), as `models.evaluate.auc` defines it."""
        order = np.argsort(margin, kind="stable")
        ranked, is_won = margin[order], y[order] > 0
        groups = np.concatenate(([0], np.flatnonzero(np.diff(ranked)) + 1))
        return np.array(
            [
                _auc(one, is_won, groups)
                for one in self._resampled(weights[order], self._instant_of[order])
            ]
        )

    def _totals(self, values: Floats) -> Floats:
        """Return the sum of `values` (m,) over the rows of every draw."""
        of_instant = np.bincount(self._instant_of, values, self._instants)
        running = np.concatenate(([0.0], np.cumsum(np.tile(of_instant, 2))))
        return (running[self._starts + self._lengths] - running[self._starts]).sum(axis=1)

    def _resampled(self, weights: Floats, instant_of: NDArray[np.intp]) -> Iterator[Floats]:
        """Yield the weights (m,) draw by draw: as often as the row's instant was drawn."""
        size = self._instants
        for starts in self._starts:
            opened = np.bincount(starts, minlength=2 * size)
            closed = np.bincount(starts + self._lengths, minlength=2 * size)
            running = np.cumsum(opened - closed[: 2 * size])
            yield weights * (running[:size] + running[size:])[instant_of]


def estimate(value: float, draws: Floats, low: float = 0.05, high: float = 0.95) -> Estimate:
    """Return `value` between two quantiles of its draws; draws that are NaN say nothing.

    Raises:
        BadInput: every draw is NaN.
    """
    known = draws[np.isfinite(draws)]
    if not len(known):
        raise BadInput("draws", "none of them is a number", "give rows that have weight")
    below, above = np.quantile(known, (low, high))
    return Estimate(value=value, low=float(below), high=float(above))


def p_value(draws: Floats) -> float:
    """Return the share of draws that are not above 0, never 0 itself; NaN counts as not above.

    Source: (k + 1) / (n + 1), Davison and Hinkley 1997, 4.2.
    """
    missed = int(np.count_nonzero(~(draws > 0)))
    return (missed + 1) / (len(draws) + 1)


def _measured(measure: Measure, weights: Floats) -> float:
    return float(measure(weights)) if weights.any() else np.nan


def _auc(weights: Floats, is_won: NDArray[np.bool_], groups: NDArray[np.intp]) -> float:
    """Rows are sorted; `groups` holds the first row of every distinct margin."""
    if not weights.any():
        return np.nan
    wins = np.add.reduceat(weights * is_won, groups)
    losses = np.add.reduceat(weights * ~is_won, groups)
    pairs = float(wins.sum() * losses.sum())
    if pairs == 0:
        return 0.5
    below = np.cumsum(losses) - losses
    return float(wins @ (below + losses / 2)) / pairs

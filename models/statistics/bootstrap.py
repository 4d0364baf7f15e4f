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


MIN_BLOCKS = 5
"""From fewer an interval of 90 % would hold the truth in three cases of four, or less."""
_FINEST = 1_000
"""A block is cut into at most so many slots."""


class BlockBootstrap:
    """Resamples time in blocks of `block_seconds`, all rows of an instant together.

    The span of the rows is a grid of slots as far apart as the instants allow; slots without rows
    are drawn like any other. A block may run past the last slot into the first, so every instant
    is drawn equally often. All methods use the same resamples: two figures of one object are
    paired draw by draw. A draw in which no row has weight is NaN.

    Source: the circular block bootstrap, Politis and Romano 1992.

    Raises:
        BadInput: fewer than two instants, or a span shorter than `MIN_BLOCKS` blocks.
    """

    def __init__(
        self,
        decided_at: NDArray[np.int64],
        block_seconds: int,
        draws: int = 1_000,
        seed: int = 7,
    ) -> None:
        instants = np.unique(decided_at)
        if len(instants) < 2:
            raise BadInput("decided_at", "fewer than two instants", "give a longer history")
        step = max(int(np.gcd.reduce(np.diff(instants))), block_seconds // _FINEST)
        self._slot_of = (decided_at - instants[0]) // step
        self._slots = int(instants[-1] - instants[0]) // step + 1
        length = max(block_seconds // step, 1)
        if self._slots < MIN_BLOCKS * length:
            raise BadInput(
                "decided_at",
                f"the rows span less than {MIN_BLOCKS} blocks of {block_seconds} seconds",
                "give a longer history, or shorter blocks",
            )
        blocks = -(-self._slots // length)
        self._lengths = np.full(blocks, length)
        self._lengths[-1] = self._slots - length * (blocks - 1)
        self._starts = np.random.default_rng(seed).integers(0, self._slots, (draws, blocks))

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
            [_measured(measure, one) for one in self._resampled(weights, self._slot_of)]
        )

    def auc(self, margin: Floats, y: NDArray[np.int8], weights: Floats) -> Floats:
        """Return the AUC in every draw (draws,), as `models.evaluate.auc` defines it."""
        order = np.argsort(margin, kind="stable")
        ranked, won = margin[order], np.flatnonzero(y[order] > 0)
        is_lost = y[order] <= 0
        first = np.searchsorted(ranked, ranked[won], side="left")
        after = np.searchsorted(ranked, ranked[won], side="right")

        def measure(sorted_weights: Floats) -> float:
            wins = sorted_weights[won]
            losses = np.concatenate(([0.0], np.cumsum(sorted_weights * is_lost)))
            pairs = float(wins.sum() * losses[-1])
            return float(wins @ (losses[first] + losses[after])) / 2 / pairs if pairs else 0.5

        resampled = self._resampled(weights[order], self._slot_of[order])
        return np.array([_measured(measure, one) for one in resampled])

    def _totals(self, values: Floats) -> Floats:
        """Return the sum of `values` (m,) over the rows of every draw."""
        of_slot = np.bincount(self._slot_of, values, self._slots)
        running = np.concatenate(([0.0], np.cumsum(np.tile(of_slot, 2))))
        return (running[self._starts + self._lengths] - running[self._starts]).sum(axis=1)

    def _resampled(self, weights: Floats, slot_of: NDArray[np.intp]) -> Iterator[Floats]:
        """Yield the weights (m,) draw by draw: as often as the row's slot was drawn."""
        size = self._slots
        for starts in self._starts:
            opened = np.bincount(starts, minlength=2 * size)
            closed = np.bincount(starts + self._lengths, minlength=2 * size)
            running = np.cumsum(opened - closed[: 2 * size])
            yield weights * (running[:size] + running[size:])[slot_of]


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

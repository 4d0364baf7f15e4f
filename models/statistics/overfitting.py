"""How often choosing the best configuration would have chosen badly."""

from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.domain.errors import BadInput

Floats: TypeAlias = NDArray[np.float64]

_FLAT = 1e-12


def probability_of_overfitting(returns: Floats, blocks: int = 16) -> float | None:
    """Return the share of splits in which the best of one half is at most median in the other.

    `returns` (T, N): one column per configuration, one row per period. T is cut into `blocks`
    consecutive parts, and every choice of half of them is once the sample in which the best Sharpe
    ratio is chosen, the rest the sample in which it is ranked. A configuration on the median, or
    one of a tie around it, counts as overfitted. None where N < 2, where T has fewer than two rows
    per block, or where a return is not finite.

    Source: combinatorially symmetric cross-validation, Bailey, Borwein, Lopez de Prado and Zhu,
    The Probability of Backtest Overfitting, 2017: logit of the relative rank at or below 0.

    Raises:
        BadInput: `blocks` is odd or below 2.
    """
    if blocks < 2 or blocks % 2:
        raise BadInput("blocks", f"{blocks} cannot be halved", "give an even number")
    length, configurations = returns.shape
    if configurations < 2 or length < 2 * blocks or not np.isfinite(returns).all():
        return None
    inside, outside = _sharpes(returns, blocks)
    splits = np.arange(len(inside))
    chosen = outside[splits, inside.argmax(axis=1)][:, np.newaxis]
    below = (outside < chosen).sum(axis=1)
    tied = (outside == chosen).sum(axis=1)
    rank = (below + (tied + 1) / 2) / (configurations + 1)
    return float((rank <= 0.5).mean())


def _sharpes(returns: Floats, blocks: int) -> tuple[Floats, Floats]:
    """Return Sharpe ratios (splits, N) inside and outside of every choice of half the blocks."""
    mean = returns.mean(axis=0)
    deviations = returns - mean  # so that squares lose no digits
    edges = np.linspace(0, len(returns), blocks + 1).round().astype(np.int64)
    sums = np.add.reduceat(deviations, edges[:-1])
    squares = np.add.reduceat(deviations**2, edges[:-1])
    is_inside = _halves(blocks)
    counts = is_inside @ np.diff(edges).astype(np.float64)
    flat = _FLAT * squares.sum(axis=0) / len(returns)
    inside = _ratio(is_inside @ sums, is_inside @ squares, counts, mean, flat)
    is_outside = 1 - is_inside
    outside = _ratio(is_outside @ sums, is_outside @ squares, len(returns) - counts, mean, flat)
    return inside, outside


def _halves(blocks: int) -> Floats:
    """Return every choice of half of the blocks, 1 where chosen (splits, blocks)."""
    chosen = np.array(list(combinations(range(blocks), blocks // 2)))
    halves = np.zeros((len(chosen), blocks))
    np.put_along_axis(halves, chosen, 1.0, axis=1)
    return halves


def _ratio(sums: Floats, squares: Floats, counts: Floats, mean: Floats, flat: Floats) -> Floats:
    """Return mean over deviation, 0 where a configuration does not vary."""
    size = counts[:, np.newaxis]
    shift = sums / size
    variance = squares / size - shift**2
    varies = variance > flat
    return np.where(varies, (shift + mean) / np.sqrt(np.where(varies, variance, 1.0)), 0.0)

"""Whether a vector says enough to act on."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from models.features.catalogue import FEATURE_NAMES, GROUPS, REQUIRED
from models.features.layout import FEATURES, Floats

MIN_COVERAGE = 0.90
FULL_COVERAGE = 0.95
_MIN_GROUP_SHARE = 0.60
_CANDLE_SHAPE = "B"

_LETTERS = tuple(dict.fromkeys(GROUPS))
_GROUP_OF = np.array([_LETTERS.index(group) for group in GROUPS])
_IS_REQUIRED = np.array([name in REQUIRED for name in FEATURE_NAMES])
_FEWEST = np.array(
    [
        0.0 if group == _CANDLE_SHAPE else _MIN_GROUP_SHARE * GROUPS.count(group)
        for group in _LETTERS
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """`refusals` are empty where the vector may be used; then `confidence` is 0.5 to 1."""

    ratio: float
    confidence: float
    refusals: tuple[str, ...]


def coverage_of(vector: Floats) -> Coverage:
    """Judge one vector by the share of finite features, the required ones, and every group."""
    finite, required, groups = _count(vector)
    ratio = finite / FEATURES
    refusals: list[str] = []
    if ratio < MIN_COVERAGE:
        refusals.append("coverage")
    if not required:
        refusals.append("required_missing")
    if not groups:
        refusals.append("group_missing")
    return Coverage(
        ratio=ratio,
        confidence=0.0 if refusals else _confidence(ratio),
        refusals=tuple(refusals),
    )


def _confidence(ratio: float) -> float:
    if ratio >= FULL_COVERAGE:
        return 1.0
    return 0.5 + 0.5 * (ratio - MIN_COVERAGE) / (FULL_COVERAGE - MIN_COVERAGE)


@njit(cache=True)
def _count(vector: Floats) -> tuple[int, bool, bool]:
    """Return how many are finite, and whether all required ones and enough of every group are."""
    by_group = np.zeros(len(_FEWEST))
    total, required = 0, True
    for column in range(FEATURES):
        if np.isfinite(vector[column]):
            total += 1
            by_group[_GROUP_OF[column]] += 1.0
        elif _IS_REQUIRED[column]:
            required = False
    return total, required, bool(np.all(by_group >= _FEWEST))

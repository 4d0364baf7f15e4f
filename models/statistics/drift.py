"""Whether what a model sees and says still looks like its training.

Source: population stability index, sum (a - e) ln(a / e) over the shares of bins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.features import FEATURE_NAMES
from shared.domain.errors import BadInput

Floats: TypeAlias = NDArray[np.float64]
Values: TypeAlias = NDArray[np.float64] | NDArray[np.float32]

MIN_THRESHOLD = 0.2
"""No feature alarms below this PSI, however steady it was in training."""
MAX_DRIFTED_RATIO = 0.15
"""More drifted features than this share of all are an alarm."""
_TOP_FACTOR = 2.0
_FLOOR = 1e-4
_DECILES = np.arange(1, 10) / 10
_DRAWS = 400
_QUANTILE = 0.99
_WORST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """One variable in training: inner `edges`, ascending and distinct, and the share of every bin.

    A value on an edge lies in the bin below it. The last of the `len(edges) + 2` shares is that of
    values that are missing or not finite. `threshold` is the PSI from which on the variable counts
    as drifted.
    """

    name: str
    edges: tuple[float, ...]
    shares: tuple[float, ...]
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReference:
    """What training looked like; part of a release.

    `features` in column order, `probability` the calibrated one, `window` the rows of one
    instrument that the thresholds are made for, `top` the features that gained most, best first.
    """

    window: int
    features: tuple[Bins, ...]
    probability: Bins
    top: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReading:
    """PSI of recent rows. `psi_features` in the order of the reference, `worst` the five highest.

    `drifted_ratio`: the share of features beyond their threshold. `is_feature_alarm`: those are
    too many, or one of the top features is beyond twice its threshold.
    """

    psi_probability: float
    psi_features: tuple[float, ...]
    drifted_ratio: float
    is_feature_alarm: bool
    worst: tuple[tuple[str, float], ...]


def psi(
    expected_shares: Sequence[float] | Floats, actual_shares: Sequence[float] | Floats
) -> float:
    """Return the population stability index of two sets of shares, each floored at 1e-4.

    Without any drift about (bins - 1) (1 / n + 1 / m) for n and m rows.

    Raises:
        BadInput: different numbers of bins.
    """
    expected, actual = np.asarray(expected_shares), np.asarray(actual_shares)
    if expected.shape != actual.shape:
        raise BadInput("shares", "the two have different bins", "use the same edges for both")
    return float(_psi(expected, actual))


def shares_of(edges: Sequence[float] | Floats, values: Values) -> Floats:
    """Return the share of `values` (m,) in each bin, those not finite last, `len(edges) + 2`.

    Raises:
        BadInput: no values.
    """
    if not len(values):
        raise BadInput("values", "there are none", "wait for the first row")
    return np.bincount(_codes(np.asarray(edges), values), minlength=len(edges) + 2) / len(values)


def drift_reference(  # noqa: PLR0913, PLR0917 - four columns of the same rows, and three choices
    vectors: Values,
    probability: Floats,
    decided_at: NDArray[np.int64],
    instrument: NDArray[np.int64],
    window_rows: int,
    top: Sequence[str],
    seed: int = 7,
) -> DriftReference:
    """Describe training rows: `vectors` (m, 86), the other columns (m,), in any order.

    A threshold is the 99 % quantile of the PSI of random windows against the whole, at least
    `MIN_THRESHOLD`: features are autocorrelated, so a window is never a fair sample. A window is
    `window_rows` consecutive rows of one instrument; where no instrument has as many, thresholds
    are `MIN_THRESHOLD`.

    Raises:
        BadInput: no rows, another number of features, or an unknown name in `top`.
    """
    if vectors.ndim != 2 or not len(vectors) or vectors.shape[1] != len(FEATURE_NAMES):
        problem = f"the shape is {vectors.shape}"
        raise BadInput("vectors", problem, f"give rows of {len(FEATURE_NAMES)} features")
    if unknown := sorted(set(top) - set(FEATURE_NAMES)):
        raise BadInput("top", f"no feature is called {unknown[0]}", "name features")
    order = np.lexsort((decided_at, instrument))
    starts = _windows(instrument[order], window_rows, seed)
    features = tuple(
        _bins(name, vectors[order, column].astype(np.float64), starts, window_rows)
        for column, name in enumerate(FEATURE_NAMES)
    )
    return DriftReference(
        window=window_rows,
        features=features,
        probability=_bins("probability", probability[order], starts, window_rows),
        top=tuple(top),
    )


def drift_of(reference: DriftReference, vectors: Values, probability: Floats) -> DriftReading:
    """Compare recent rows, `vectors` (k, features) and `probability` (k,), with training.

    Raises:
        BadInput: no rows, or another number of features.
    """
    if vectors.ndim != 2 or vectors.shape[1] != len(reference.features):
        problem = f"the shape is {vectors.shape}"
        raise BadInput("vectors", problem, f"give rows of {len(reference.features)} features")
    found = [
        psi(bins.shares, shares_of(bins.edges, vectors[:, column].astype(np.float64)))
        for column, bins in enumerate(reference.features)
    ]
    excess = {
        bins.name: value / bins.threshold
        for bins, value in zip(reference.features, found, strict=True)
    }
    drifted = sum(one > 1 for one in excess.values()) / len(excess)
    is_top_gone = any(excess[name] > _TOP_FACTOR for name in reference.top)
    ranking = sorted(zip(excess, found, strict=True), key=lambda one: -one[1])
    bins = reference.probability
    return DriftReading(
        psi_probability=psi(bins.shares, shares_of(bins.edges, probability)),
        psi_features=tuple(found),
        drifted_ratio=drifted,
        is_feature_alarm=drifted > MAX_DRIFTED_RATIO or is_top_gone,
        worst=tuple(ranking[:_WORST]),
    )


def _windows(instrument: NDArray[np.int64], rows: int, seed: int) -> NDArray[np.int64]:
    """Return first rows of random windows that lie within one instrument; rows are sorted by it."""
    edges = np.concatenate(([0], np.flatnonzero(np.diff(instrument)) + 1, [len(instrument)]))
    begins, rooms = edges[:-1], np.maximum(np.diff(edges) - rows + 1, 0)
    if rows < 1 or not rooms.any():
        return np.empty(0, dtype=np.int64)
    places = np.random.default_rng(seed).integers(0, rooms.sum(), _DRAWS)
    before = np.cumsum(rooms)
    chosen = np.searchsorted(before, places, side="right")
    return begins[chosen] + places - (before - rooms)[chosen]


def _bins(name: str, values: Floats, starts: NDArray[np.int64], window: int) -> Bins:
    known = values[np.isfinite(values)]
    edges = np.unique(np.quantile(known, _DECILES)) if len(known) else np.empty(0)
    codes = _codes(edges, values)
    running = np.zeros((len(values) + 1, len(edges) + 2), dtype=np.int32)
    running[np.arange(1, len(values) + 1), codes] = 1
    np.cumsum(running, axis=0, out=running)
    shares = running[-1] / len(values)
    threshold = MIN_THRESHOLD
    if len(starts):
        inside = (running[starts + window] - running[starts]) / window
        threshold = max(threshold, float(np.quantile(_psi(shares, inside), _QUANTILE)))
    return Bins(
        name=name,
        edges=tuple(edges.tolist()),
        shares=tuple(shares.tolist()),
        threshold=threshold,
    )


def _codes(edges: Floats, values: Values) -> NDArray[np.int64]:
    inside = np.searchsorted(edges, values, side="left")
    return np.where(np.isfinite(values), inside, len(edges) + 1).astype(np.int64)


def _psi(expected: Floats, actual: Floats) -> Floats:
    """PSI over the last axis."""
    e, a = np.maximum(expected, _FLOOR), np.maximum(actual, _FLOOR)
    return ((a - e) * np.log(a / e)).sum(axis=-1)

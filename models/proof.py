"""What a release must show once its bytes are proven: readable trees and its own stored answers."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isfinite
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.artifact import Contents
from models.calibrate import Calibrator
from models.features import FEATURE_NAMES
from models.forest import Forest, read_forest
from models.manifest import DRIFT, FEATURES, PAYOFF, SELF_TEST, FeatureSheet, SelfTest
from models.payoff import Payoff
from models.refusals import ArtifactRefused
from models.statistics.drift import Bins, DriftReference

Floats = NDArray[np.float64]
_COLUMNS = len(FEATURE_NAMES)
_TOLERANCE = 1e-6
_SUM_TOLERANCE = 1e-4  # float32 rounding over some hundred trees
_PROBES, _FAR = 65, 1e9  # margins at which a calibrator is tried


class Answer(Protocol):
    @property
    def margin(self) -> float: ...
    @property
    def probability(self) -> float: ...


class Answering(Protocol):
    """A model that can be asked; `models.scorer.ServingModel` is one."""

    @property
    def calibrator(self) -> Calibrator: ...
    @property
    def expected(self) -> float: ...

    def predict(self, vectors: Floats) -> Sequence[Answer]: ...
    def contributions(self, vector: Floats) -> Sequence[tuple[str, float]]: ...


def forest_of(contents: Contents, name: str, known: Mapping[str, Forest] | None) -> Forest:
    held = (known or {}).get(contents.manifest.files[name].sha256)
    if held is not None:
        return held
    try:
        forest = read_forest(contents.files[name])
    except ValueError as error:
        raise ArtifactRefused("unreadable_file", f"{name}: {error}") from error
    _check_columns(name, forest.feature_names)
    return forest


def feature_sheet(contents: Contents) -> FeatureSheet:
    sheet = contents.sheet(FEATURES, FeatureSheet)
    _check_columns(FEATURES, sheet.names)
    if {len(column) for column in (sheet.low, sheet.high, sheet.missing_rate)} != {_COLUMNS}:
        raise ArtifactRefused("schema_mismatch", f"{FEATURES} has not {_COLUMNS} columns")
    return sheet


def _check_columns(name: str, columns: tuple[str, ...]) -> None:
    if columns == FEATURE_NAMES:
        return
    if sorted(map(str, columns)) == sorted(FEATURE_NAMES):
        raise ArtifactRefused("reordered", f"{name} has the engine's columns in another order")
    raise ArtifactRefused("schema_mismatch", f"the columns of {name} are not the engine's")


def payoff_of(contents: Contents) -> Payoff:
    payoff = contents.sheet(PAYOFF, Payoff)
    figures = (payoff.a_win, payoff.a_loss, payoff.n_win, payoff.n_loss, payoff.reference_kelly)
    if min(figures) < 0:
        raise ArtifactRefused("unreadable_file", f"{PAYOFF} has a negative figure")
    return payoff


def drift_of(contents: Contents) -> DriftReference | None:
    """Return what training looked like, None where the release does not say."""
    if DRIFT not in contents.files:
        return None
    drift = contents.sheet(DRIFT, DriftReference)
    _check_columns(DRIFT, tuple(bins.name for bins in drift.features))
    is_sound = drift.window > 0 and set(drift.top) <= set(FEATURE_NAMES)
    if not (is_sound and all(_are_sound(bins) for bins in (*drift.features, drift.probability))):
        raise ArtifactRefused("unreadable_file", f"{DRIFT} has bins that are none")
    return drift


def _are_sound(bins: Bins) -> bool:
    figures = (*bins.edges, *bins.shares, bins.threshold)
    return (
        all(map(isfinite, figures))
        and all(low < high for low, high in pairwise(bins.edges))
        and len(bins.shares) == len(bins.edges) + 2
        and min(bins.shares) >= 0
        and bins.threshold > 0
    )


def self_test(model: Answering, contents: Contents) -> None:
    stored = contents.sheet(SELF_TEST, SelfTest)
    if not stored.vectors or {len(row) for row in stored.vectors} != {_COLUMNS}:
        raise ArtifactRefused("self_test", "the stored rows are not of this schema")
    vectors = np.array(stored.vectors, dtype=np.float64)  # None becomes NaN
    if len(vectors) != len(stored.probabilities):
        raise ArtifactRefused("self_test", "the stored rows are not of this schema")
    try:
        _check_answers(model, vectors, np.array(stored.probabilities))
        _check_every_margin(model.calibrator)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ArtifactRefused("self_test", f"it cannot be asked: {error}") from error


def _check_answers(model: Answering, vectors: Floats, expected: Floats) -> None:
    answers = model.predict(vectors)
    found = np.array([answer.probability for answer in answers])
    off = float(np.abs(found - expected).max())
    if not off <= _TOLERANCE:
        raise ArtifactRefused("self_test", f"a stored probability is off by {off:.2g}")
    explained = sum(share for _, share in model.contributions(vectors[0]))
    gap = abs(explained + model.expected - answers[0].margin)
    if not gap <= _SUM_TOLERANCE:
        raise ArtifactRefused("self_test", f"contributions miss the margin by {gap:.2g}")


def _check_every_margin(calibrator: Calibrator) -> None:
    """Refuse a calibrator that has no sensible answer somewhere: it is asked about any margin."""
    inside = np.linspace(calibrator.margin_low, calibrator.margin_high, _PROBES).tolist()
    for margin in (-_FAR, *inside, _FAR):
        probability, neighbours = calibrator.probability(margin), calibrator.neighbours(margin)
        if not (0 <= probability <= 1 and isfinite(neighbours) and neighbours >= 0):
            raise ArtifactRefused("self_test", f"the calibrator fails at margin {margin:.3g}")

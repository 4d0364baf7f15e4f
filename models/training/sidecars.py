"""What a release says about the rows that made it: their ranges, their answers, their drift."""

import numpy as np
from numpy.typing import NDArray

from models.calibrate import probabilities
from models.candidate import Study
from models.evaluation.assess import Subject
from models.features import FEATURE_NAMES
from models.manifest import FeatureSheet, SelfTest
from models.statistics.drift import DriftReference, drift_reference
from models.training.trees import Trees

_SELF_TEST_ROWS = 16
_RANGE = (0.001, 0.999)
_TOP = 10
_MIN_WINDOW_ROWS, _WINDOW_SECONDS = 500, 20 * 86_400


def feature_sheet(study: Study, subject: Subject, trees: Trees) -> FeatureSheet:
    """Describe the training rows: the range of what was there, the holes as training saw them."""
    known = study.cut.holdout.train
    vectors = study.rows.vectors[known[subject.mine[known]]]
    low, high = zip(*(_range_of(column) for column in vectors.T), strict=True)
    return FeatureSheet(
        names=FEATURE_NAMES,
        missing_rate=tuple(trees.missing_rate.tolist()),
        low=low,
        high=high,
    )


def self_test(study: Study, subject: Subject, trees: Trees) -> SelfTest:
    """Return rows and what XGBoost itself, calibrated, says about them."""
    known = subject.choice.found.rows
    picked = known[np.linspace(0, len(known) - 1, _SELF_TEST_ROWS).round().astype(np.int64)]
    vectors = np.asarray(study.rows.vectors[picked])
    margins = trees.reference_margins(vectors)
    calibrator = subject.fitted.calibrator
    return SelfTest(
        vectors=tuple(
            tuple(None if np.isnan(value) else value for value in row)
            for row in vectors.astype(np.float64).tolist()
        ),
        probabilities=tuple(probabilities(calibrator, margins).tolist()),
    )


def drift_sheet(study: Study, subject: Subject) -> DriftReference:
    """Describe what the model had not seen: there its promises are as bold as in service."""
    rows, found = study.rows, subject.choice.found
    step = subject.market.interval.seconds
    promised = probabilities(subject.fitted.calibrator, found.margins)
    return drift_reference(
        np.asarray(rows.vectors[found.rows]),
        promised,
        rows.closed_at[found.rows],
        rows.symbol_index[found.rows],
        max(_MIN_WINDOW_ROWS, _WINDOW_SECONDS // step),
        tuple(FEATURE_NAMES[place] for place in np.argsort(-found.contributions)[:_TOP]),
    )


def _range_of(column: NDArray[np.float32]) -> tuple[float | None, float | None]:
    known = column[np.isfinite(column)].astype(np.float64)
    if not len(known):
        return None, None
    low, high = np.quantile(known, _RANGE).tolist()
    return low, high

"""What is fitted for one scope: trees, calibration and payoff, each on its own part of the time."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.booster import BoosterParams, Grown, Sample, grow
from models.calibrate import Calibrator, fit_platt, probabilities, with_own_intercept
from models.dataset import TrainingSet, with_holes
from models.evaluate import Metrics, evaluate, gain
from models.features import FEATURE_NAMES
from models.forest import Forest, read_forest
from models.labels import sample_weights
from models.manifest import FeatureSheet, Kind
from models.payoff import Payoff, measure_payoff, reference_kelly
from models.splits import Split
from shared.domain.errors import BadInput

Rows = NDArray[np.bool_]

_RANGE = (0.001, 0.999)
MIN_ROWS = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Study:
    """The rows, how they are cut, and what a side of a trade costs (fee, slippage)."""

    rows: TrainingSet
    split: Split
    costs: tuple[float, float]

    def n_effective(self, mine: Rows) -> float:
        return float(self.rows.uniqueness[mine].sum())

    def can_fit(self, mine: Rows) -> bool:
        """Return whether every part that fits something has rows, and outcomes of both kinds."""
        split, y = self.split, self.rows.y
        return all(
            np.count_nonzero(part & mine) >= MIN_ROWS and len(np.unique(y[part & mine])) == 2
            for part in (split.train, split.stopping, split.calibration)
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    kind: Kind
    grown: Grown
    forest: Forest
    sheet: FeatureSheet
    calibrator: Calibrator
    payoff: Payoff


def fit(
    study: Study,
    mine: Rows,
    kind: Kind,
    params: BoosterParams,
    attributes: dict[str, str],
    pooled: Payoff | None = None,
) -> Candidate:
    """Fit everything on the rows of `mine`; payoffs lean on the pooled ones where given.

    Raises:
        BadInput: too few rows, or outcomes all alike.
    """
    if not study.can_fit(mine):
        raise BadInput(
            "candles",
            f"give {np.count_nonzero(mine)} rows to learn from, too few or all alike",
            "give a longer history, or lower costs so that more candles are tradeable",
        )
    rows, split = study.rows, study.split
    train = _sample(rows, split.train & mine)
    stopping = _sample(rows, split.stopping & mine)
    grown = grow(train, stopping, params, attributes)
    forest = read_forest(grown.ubj)
    part = split.calibration & mine
    margins = forest.margins(rows.vectors[part])
    calibrator = fit_platt(margins, rows.y[part], rows.uniqueness[part])
    return Candidate(
        kind=kind,
        grown=grown,
        forest=forest,
        sheet=_sheet(rows.vectors[split.train & mine], train.vectors),
        calibrator=calibrator,
        payoff=_payoff(study, part, margins, calibrator, pooled),
    )


def adapted(pooled: Candidate, study: Study, mine: Rows) -> Candidate:
    """Return the pooled trees with the instrument's own intercept and payoff, both shrunk."""
    rows, part = study.rows, study.split.calibration & mine
    margins = pooled.forest.margins(rows.vectors[part])
    calibrator = with_own_intercept(pooled.calibrator, margins, rows.y[part], rows.uniqueness[part])
    payoff = _payoff(study, part, margins, calibrator, pooled.payoff)
    return replace(pooled, calibrator=calibrator, payoff=payoff)


def better(own: Candidate, shared: Candidate, study: Study, mine: Rows) -> Candidate:
    """Return the own trees if they win by more than a standard error, else the shared ones.

    Compared on the calibration part, both under a calibration fitted alike, so that the trees
    differ and nothing else. The holdout chooses nothing: it is there to judge what was chosen.
    """
    rows, part = study.rows, study.split.calibration & mine
    y, weights = rows.y[part], rows.uniqueness[part]

    def promised(one: Candidate) -> NDArray[np.float64]:
        margins = one.forest.margins(rows.vectors[part])
        return probabilities(fit_platt(margins, y, weights), margins)

    won, error = gain(promised(own), promised(shared), y, weights)
    return own if won > error else shared


def judge(candidate: Candidate, study: Study, mine: Rows) -> Metrics | None:
    """Return how the candidate did on the holdout, against the base rate of `mine` in training."""
    rows, split = study.rows, study.split
    seen, part = split.train & mine, split.holdout & mine
    if not seen.any() or not part.any():
        return None
    base_rate = float(np.average(rows.y[seen], weights=rows.uniqueness[seen]))
    p = probabilities(candidate.calibrator, candidate.forest.margins(rows.vectors[part]))
    return evaluate(p, rows.y[part], rows.uniqueness[part], base_rate)


def _sample(rows: TrainingSet, part: Rows) -> Sample:
    return Sample(
        vectors=with_holes(rows.vectors[part], rows.fingerprint),
        y=rows.y[part],
        weights=sample_weights(rows.uniqueness[part], rows.closed_at[part]),
    )


def _payoff(
    study: Study,
    part: Rows,
    margins: NDArray[np.float64],
    calibrator: Calibrator,
    pooled: Payoff | None = None,
) -> Payoff:
    rows = study.rows
    payoff = measure_payoff(
        rows.gross[part], rows.barrier[part], rows.y[part], rows.uniqueness[part], pooled
    )
    kelly = reference_kelly(margins, rows.barrier[part], calibrator, payoff, study.costs)
    return replace(payoff, reference_kelly=kelly)


def _sheet(vectors: NDArray[np.float32], holed: NDArray[np.float32]) -> FeatureSheet:
    """Describe the training rows: the range of what was there, the holes as training saw them."""
    low, high = (
        tuple(_quantile(column, share) for column in vectors.T.astype(np.float64))
        for share in _RANGE
    )
    return FeatureSheet(
        names=FEATURE_NAMES,
        missing_rate=tuple(np.isnan(holed).mean(axis=0).tolist()),
        low=low,
        high=high,
    )


def _quantile(column: NDArray[np.float64], share: float) -> float | None:
    known = column[np.isfinite(column)]
    return float(np.quantile(known, share)) if len(known) else None

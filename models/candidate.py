"""What is fitted for one scope: trees, calibration and payoff, from what no fold had seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.booster import BoosterParams
from models.calibrate import Calibrator, CalibratorKind, probabilities
from models.dataset import TrainingSet
from models.evaluate import auc, log_loss, losses
from models.evaluation.sheet import KindScore
from models.manifest import Kind, LabelRule
from models.payoff import Payoff, measure_payoff, reference_kelly
from models.statistics.bootstrap import BlockBootstrap
from models.training.calibration import (
    FITS,
    cross_calibrated,
    fit_calibrator,
    fit_platt,
    fold_calibrators,
    with_own_intercept,
)
from models.training.workbench import Arrays
from models.validation import Indices, WalkForward, WalkForwardRule
from shared.domain.errors import BadInput

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]

KINDS: tuple[Kind, ...] = ("global", "blend", "own")
"""From the simplest to the one that needs the best reasons."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Study:
    """The rows, how they are cut, and the trade they are about."""

    rows: TrainingSet
    rule: WalkForwardRule
    cut: WalkForward
    label: LabelRule

    @property
    def costs(self) -> tuple[float, float]:
        return self.label.fee_ratio, self.label.slippage_ratio

    def n_effective(self, part: Indices | Rows) -> float:
        return float(self.rows.uniqueness[part].sum())

    def bootstrap(self, part: Indices, draws: int) -> BlockBootstrap:
        """Return draws of blocks of two horizons, all instruments of an instant together.

        Raises:
            BadInput: the rows span too few blocks to draw from.
        """
        seconds = 2 * self.rule.embargo_seconds
        return BlockBootstrap(self.rows.closed_at[part], seconds, draws)

    def bootstrap_or_none(self, part: Indices, draws: int) -> BlockBootstrap | None:
        try:
            return self.bootstrap(part, draws)
        except BadInput:
            return None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutOfFold:
    """One way to grow trees, judged on rows (k,) that it had not seen; f folds.

    `contributions` (86,): mean absolute share of the margin; `psi` (f,) of the margins and
    `psi_features` (f, 86): each test block against what its fold was trained on.
    """

    configuration: BoosterParams
    rows: Indices
    fold_of: NDArray[np.int64]
    margins: Floats
    rounds: tuple[int, ...]
    contributions: Floats
    psi: tuple[float, ...]
    psi_features: Floats

    def of(self, mine: Rows) -> "OutOfFold":
        """Return the part of the rows that belong to an instrument."""
        kept = mine[self.rows]
        return replace(
            self, rows=self.rows[kept], fold_of=self.fold_of[kept], margins=self.margins[kept]
        )


def collected(
    folds: Sequence[Arrays], configurations: Sequence[BoosterParams]
) -> tuple[OutOfFold, ...]:
    """Return one result per configuration; none where a fold could not be fitted or none tests."""
    if any("unfit" in one for one in folds) or not any(len(one["rows"]) for one in folds):
        return ()
    return tuple(
        _out_of_fold(folds, configuration, number)
        for number, configuration in enumerate(configurations)
    )


def _out_of_fold(folds: Sequence[Arrays], configuration: BoosterParams, number: int) -> OutOfFold:
    counts = [len(one["rows"]) for one in folds]
    contributions = [one["contributions"][number] for one in folds]
    return OutOfFold(
        configuration=configuration,
        rows=np.concatenate([one["rows"] for one in folds]),
        fold_of=np.repeat(np.arange(len(folds)), counts),
        margins=np.concatenate([one["margins"][number] for one in folds]),
        rounds=tuple(int(one["rounds"][number]) for one in folds),
        contributions=np.average(contributions, axis=0, weights=counts),
        psi=tuple(float(one["psi"][number]) for one in folds),
        psi_features=np.stack([one["psi_features"] for one in folds]),
    )


def cross_probabilities(
    rows: TrainingSet, found: OutOfFold, kind: CalibratorKind = "platt_margin"
) -> Floats:
    """Return the probability of each row under a calibration fitted on the other folds alone."""
    part, fit = found.rows, FITS[kind]
    return cross_calibrated(found.margins, rows.y[part], rows.uniqueness[part], found.fold_of, fit)


def pooled_calibrators(
    rows: TrainingSet, pooled: OutOfFold, kind: CalibratorKind
) -> Mapping[int, Calibrator]:
    """Return, by fold, the pooled calibration fitted on the other folds alone."""
    part, fit = pooled.rows, FITS[kind]
    y, weights = rows.y[part], rows.uniqueness[part]
    return fold_calibrators(pooled.margins, y, weights, pooled.fold_of, fit)


def shared_probabilities(
    rows: TrainingSet, found: OutOfFold, shared: Mapping[int, Calibrator]
) -> Floats:
    """Return the probability of each row as shared trees are calibrated, by the other folds alone.

    `shared` is the pooled calibration by fold: its slope is kept, the intercept is the scope's own.
    """
    p = np.empty(len(found.rows))
    for fold in np.unique(found.fold_of).tolist():
        mine = found.fold_of == fold
        part = found.rows[~mine]
        calibrator = with_own_intercept(
            shared[fold], found.margins[~mine], rows.y[part], rows.uniqueness[part]
        )
        p[mine] = probabilities(calibrator, found.margins[mine])
    return p


def best(rows: TrainingSet, tried: Sequence[OutOfFold]) -> OutOfFold:
    """Return the configuration with the lowest calibrated log loss; the first of equals."""

    def loss(one: OutOfFold) -> float:
        y, weights = rows.y[one.rows], rows.uniqueness[one.rows]
        return log_loss(cross_probabilities(rows, one), y, weights)

    return min(tried, key=loss)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """Where the trees of a scope come from, and how the rivals did on the same rows."""

    kind: Kind
    found: OutOfFold
    scores: tuple[KindScore, ...]


def blended(own: OutOfFold, pooled: OutOfFold) -> OutOfFold:
    """Return the mean of two opinions about the same rows."""
    return replace(
        own,
        margins=(own.margins + pooled.margins) / 2,
        contributions=(own.contributions + pooled.contributions) / 2,
    )


def choose(study: Study, pooled: OutOfFold, own: OutOfFold | None, draws: int) -> Choice:
    """Return the simplest kind that no other beats by more than a standard error.

    Compared on out-of-fold rows under a calibration fitted alike, so that the trees differ and
    nothing else. The holdout chooses nothing: it is there to judge what was chosen.
    """
    rivals: dict[Kind, OutOfFold] = {"global": pooled}
    if own is not None:
        rivals |= {"blend": blended(own, pooled), "own": own}
    rows, part = study.rows, pooled.rows
    y, weights = rows.y[part], rows.uniqueness[part]
    promised = {
        kind: probabilities(fit_platt(one.margins, y, weights), one.margins)
        for kind, one in rivals.items()
    }
    draw = study.bootstrap(part, draws)
    chosen, scores = KINDS[0], list[KindScore]()
    for kind in KINDS:
        if kind not in rivals:
            continue
        gaps = losses(promised[chosen], y) - losses(promised[kind], y)
        lead = float(gaps @ weights) / float(weights.sum())
        error = float(np.nanstd(draw.means(gaps, weights)))  # NaN: a draw without a row
        scores.append(
            KindScore(
                kind=kind,
                log_loss=log_loss(promised[kind], y, weights),
                auc=auc(promised[kind], y, weights),
                lead=lead,
                lead_error=error,
            )
        )
        if lead > error:
            chosen = kind
    return Choice(kind=chosen, found=rivals[chosen], scores=tuple(scores))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """What turns margins into bets."""

    calibrator: Calibrator
    payoff: Payoff


def fitted(study: Study, found: OutOfFold, pooled: Fitted | None, kind: Kind) -> Fitted:
    """Fit calibration and payoff on out-of-fold rows; an instrument leans on the pooled ones.

    Trees that are shared keep the pooled slope and get their own intercept.
    """
    rows, part = study.rows, found.rows
    y, weights = rows.y[part], rows.uniqueness[part]
    if pooled is not None and kind == "global":
        calibrator = with_own_intercept(pooled.calibrator, found.margins, y, weights)
    else:
        calibrator = fit_calibrator(found.margins, y, weights, found.fold_of)
    payoff = measure_payoff(
        rows.gross[part],
        rows.barrier[part],
        y,
        weights,
        None if pooled is None else pooled.payoff,
    )
    kelly = reference_kelly(found.margins, rows.barrier[part], calibrator, payoff, study.costs)
    return Fitted(calibrator=calibrator, payoff=replace(payoff, reference_kelly=kelly))

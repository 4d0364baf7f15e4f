"""Everything that can be said about one scope's model from rows that fitted nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from models.calibrate import Calibrator, probabilities
from models.candidate import (
    Choice,
    Fitted,
    OutOfFold,
    Study,
    cross_probabilities,
    fitted,
    shared_probabilities,
)
from models.dataset import CandleArrays
from models.evaluate import auc, log_loss
from models.evaluation.finding import Finding
from models.evaluation.folds import fold_scores, ranking_of
from models.evaluation.money import Floor, course_of, floor_of, money, rivals
from models.evaluation.sheet import Against, Evaluation, Money, Skill
from models.evaluation.skill import Judged, reliability_of, skill_of
from models.features import schema_hash
from models.manifest import TradedMarket
from models.statistics.sharpe import sharpe_ratio
from models.strategy.result import daily_returns
from models.training.search import settings_of
from models.training.trials import Trial
from models.validation import Indices
from shared.domain.ids import Symbol

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shared:
    """By fold, the calibrations of pooled trees and of the pooled line by the other folds."""

    trees: Mapping[int, Calibrator]
    line: Mapping[int, Calibrator]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """One scope: its rows (m,), its market, what was chosen, and all that was tried, by kind.

    `line` is the logistic regression on the rows of the choice. `shared`: where the trees are those
    of GLOBAL, whose slope is kept; None where the calibration is the scope's own.
    """

    scope: str
    market: TradedMarket
    mine: NDArray[np.bool_]
    choice: Choice
    fitted: Fitted
    tries: tuple[tuple[str, OutOfFold], ...]
    line: OutOfFold
    shared: Shared | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Holdout:
    """The margins of the finished model and of the finished line on rows that were kept apart."""

    rows: Indices
    margins: Floats
    line: Floats
    champion: Against | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assessor:
    """`draws` of every bootstrap; `leaks` and `paths` are of the whole training."""

    study: Study
    data: Mapping[Symbol, CandleArrays]
    leaks: tuple[Finding, ...]
    paths: tuple[float, ...]
    now: datetime
    draws: int

    def evaluate(
        self, subject: Subject, holdout: Holdout, earlier: Mapping[str, Trial]
    ) -> tuple[Evaluation, tuple[Trial, ...]]:
        """Return the evaluation, and the tries behind it; `earlier` ones count with them."""
        study, found = self.study, subject.choice.found
        judged = self._walked(subject)
        line = fitted(study, subject.line, None, "own")
        walked, trials = self._walk_forward(subject, judged, line, earlier)
        skill, result = self._kept_apart(subject, line, holdout)
        evaluation = Evaluation(
            scope=subject.scope,
            kind=subject.choice.kind,
            folds=fold_scores(found, judged),
            skill=skill_of(judged, study.bootstrap(found.rows, self.draws)),
            reliability=reliability_of(judged, subject.fitted.calibrator.kind),
            walk_forward=walked,
            holdout_skill=skill,
            holdout=result,
            holdout_at=self.now,
            ranking=ranking_of(found),
            kinds=subject.choice.scores,
            leaks=self.leaks,
            paths=self.paths,
            n_effective_train=study.n_effective(self._learned_from(subject)),
            n_effective_test=study.n_effective(self._judged_by(subject)),
            champion=holdout.champion,
        )
        return evaluation, trials

    def _learned_from(self, subject: Subject) -> Indices:
        """Return the rows behind the trees: shared ones have learned from all instruments."""
        known = self.study.cut.holdout.train
        return known if subject.choice.kind == "global" else _within(known, subject.mine)

    def _judged_by(self, subject: Subject) -> Indices:
        tested = np.concatenate([fold.test for fold in self.study.cut.folds])
        return tested if subject.choice.kind == "global" else _within(tested, subject.mine)

    def _walked(self, subject: Subject) -> Judged:
        found, folds = subject.choice.found, self.study.cut.folds
        rates = np.array([self._base_rate(one.train, subject) for one in folds])
        p, rival = self._promised(subject)
        return self._judged(found.rows, (found.margins, p), rival, rates[found.fold_of])

    def _promised(self, subject: Subject) -> tuple[Floats, Floats]:
        """Return what trees and line promise, calibrated as in service by the other folds."""
        rows, found, shared = self.study.rows, subject.choice.found, subject.shared
        if shared is None:
            p = cross_probabilities(rows, found, subject.fitted.calibrator.kind)
            return p, cross_probabilities(rows, subject.line)
        return (
            shared_probabilities(rows, found, shared.trees),
            shared_probabilities(rows, subject.line, shared.line),
        )

    def _judged(
        self, part: Indices, said: tuple[Floats, Floats], rival: Floats, base: Floats
    ) -> Judged:
        rows, (margins, p) = self.study.rows, said
        return Judged(
            decided_at=rows.closed_at[part],
            y=rows.y[part],
            net=rows.net[part],
            weights=rows.uniqueness[part],
            margins=margins,
            p=p,
            rival=rival,
            base=base,
        )

    def _base_rate(self, train: Indices, subject: Subject) -> float:
        """Return what was known of the scope by then; of all instruments where it was too young."""
        rows, own = self.study.rows, _within(train, subject.mine)
        known = own if len(own) else train
        rate = float(np.average(rows.y[known], weights=rows.uniqueness[known]))
        return min(max(rate, 0.001), 0.999)

    def _walk_forward(
        self, subject: Subject, judged: Judged, line: Fitted, earlier: Mapping[str, Trial]
    ) -> tuple[Money, tuple[Trial, ...]]:
        study, found = self.study, subject.choice.found
        floor = floor_of(self.data, subject.market, study, found.rows)
        own = course_of(study, floor, found.rows, (found.margins, judged.p), subject.fitted)
        others = rivals(
            study,
            floor,
            course_of(study, floor, found.rows, (subject.line.margins, judged.rival), line),
            self.draws,
        )
        tries = [self._tried(subject, floor, kind, one) for kind, one in subject.tries]
        trials = tuple(trial for trial, _ in tries)
        names = {one.name for one in trials}
        before = [one.sharpe for name, one in earlier.items() if name not in names]
        returns = [days for _, days in tries]
        return money(floor, own, others, returns, before, self.draws), trials

    def _tried(
        self, subject: Subject, floor: Floor, kind: str, one: OutOfFold
    ) -> tuple[Trial, Floats]:
        rows, part = self.study.rows, one.rows
        y, weights = rows.y[part], rows.uniqueness[part]
        p = cross_probabilities(rows, one)
        sized = fitted(self.study, one, None, "own")
        days = daily_returns(course_of(self.study, floor, part, (one.margins, p), sized))
        trial = Trial(
            scope=subject.scope,
            kind=kind,
            venue=subject.market.venue,
            interval_seconds=subject.market.interval.seconds,
            symbols=tuple(rows.symbols),
            label=self.study.label,
            params=settings_of(one.configuration),
            data_fingerprint=rows.fingerprint,
            log_loss=log_loss(p, y, weights),
            auc=auc(one.margins, y, weights),
            sharpe=sharpe_ratio(days),
            days=len(days),
            schema_hash=schema_hash(subject.market.interval.seconds),
            walk=self.study.rule,
        )
        return trial, days

    def _kept_apart(
        self, subject: Subject, line: Fitted, holdout: Holdout
    ) -> tuple[Skill | None, Money | None]:
        part, study = holdout.rows, self.study
        if not len(part):
            return None, None
        p = probabilities(subject.fitted.calibrator, holdout.margins)
        rival = probabilities(line.calibrator, holdout.line)
        known = self._base_rate(study.cut.holdout.train, subject)
        judged = self._judged(part, (holdout.margins, p), rival, np.full(len(part), known))
        floor = floor_of(self.data, subject.market, study, part)
        own = course_of(study, floor, part, (holdout.margins, p), subject.fitted)
        straight = course_of(study, floor, part, (holdout.line, rival), line)
        others = rivals(study, floor, straight, self.draws)
        result = money(floor, own, others, (), (), self.draws)
        draw = study.bootstrap_or_none(part, self.draws)
        if draw is None or not judged.is_telling:
            return None, result
        return skill_of(judged, draw), result


def line_of(found: OutOfFold, margins: Floats) -> OutOfFold:
    """Return the logistic regression's log-odds in the place of the trees'."""
    return replace(found, margins=margins)


def _within(rows: Indices, mine: NDArray[np.bool_]) -> Indices:
    return rows[mine[rows]]

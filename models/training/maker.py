"""From choices and finished trees to judged releases."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.candidate import Fitted, fitted, pooled_calibrators
from models.evaluation.assess import Assessor, Holdout, Shared, Subject, line_of
from models.evaluation.conditions import GateRule
from models.evaluation.gate import judge
from models.manifest import GLOBAL
from models.release import Product, ReleaseInfo, Run, release
from models.scorer import ServingModel
from models.training.choices import Chosen
from models.training.plan import Plan
from models.training.rival import Challenger, against
from models.training.trees import Trees, trees_of
from models.training.trials import TrialLog
from models.training.workbench import Arrays

Progress: TypeAlias = Callable[[str, float], None]


class Maker:
    """From choices and finished trees to judged releases."""

    def __init__(
        self,
        run: Run,
        plan: Plan,
        gate: GateRule,
        assessor: Assessor,
        champions: Mapping[str, ServingModel],
    ) -> None:
        self._run, self._plan, self._gate = run, plan, gate
        self._assessor, self._champions = assessor, champions
        self._log = TrialLog(run.root)
        self._line = plan.line()
        self._pooled_rows = np.concatenate([fold.test for fold in plan.study.cut.folds])

    def make(
        self, chosen: list[Chosen], results: Mapping[str, Arrays], progress: Progress
    ) -> list[ReleaseInfo]:
        """Make a release of each scope, GLOBAL first."""
        pooled = fitted(self._plan.study, chosen[0].choice.found, None, "global")
        shared = self._shared(chosen[0], pooled)
        infos: list[ReleaseInfo] = []
        for done, one in enumerate(chosen, start=1):
            subject = self._subject(one, pooled, shared)
            infos.append(self._make(subject, results))
            progress(f"{one.scope.name}: {one.choice.kind}", done / len(chosen))
        return infos

    def _shared(self, everyone: Chosen, pooled: Fitted) -> Shared:
        rows, found = self._plan.study.rows, everyone.choice.found
        return Shared(
            trees=pooled_calibrators(rows, found, pooled.calibrator.kind),
            line=pooled_calibrators(rows, line_of(found, self._line), "platt_margin"),
        )

    def _subject(self, one: Chosen, pooled: Fitted, shared: Shared) -> Subject:
        scope, kind = one.scope, one.choice.kind
        is_pooled = scope.name == GLOBAL
        return Subject(
            scope=scope.name,
            market=self._plan.market.only(scope.symbols),
            mine=scope.mine,
            choice=one.choice,
            fitted=pooled
            if is_pooled
            else fitted(self._plan.study, one.choice.found, pooled, kind),
            tries=one.tries,
            line=line_of(one.choice.found, self._line[scope.mine[self._pooled_rows]]),
            shared=shared if kind == "global" and not is_pooled else None,
        )

    def _make(self, subject: Subject, results: Mapping[str, Arrays]) -> ReleaseInfo:
        plan, scope = self._plan, subject.scope
        trees = trees_of(subject.choice.kind, results.get(scope), results[GLOBAL])
        holdout = self._holdout(subject, trees, results[GLOBAL]["rival"])
        earlier = self._log.earlier(plan.market, (scope, GLOBAL))
        evaluation, trials = self._assessor.evaluate(subject, holdout, earlier)
        self._log.record(trials)
        verdict = judge(evaluation, self._gate, is_pooled=scope == GLOBAL)
        product = Product(
            subject=subject,
            trees=trees,
            evaluation=evaluation,
            verdict=verdict,
            pooled_scope=GLOBAL,
        )
        return release(self._run, plan.study, product)

    def _holdout(self, subject: Subject, trees: Trees, line: NDArray[np.float64]) -> Holdout:
        """Ask the finished model about the rows kept apart: this once."""
        study = self._plan.study
        mine = subject.mine[study.cut.holdout.test]
        rows = study.cut.holdout.test[mine]
        margins = trees.margins(study.rows.vectors[rows])
        champion = self._champions.get(subject.scope)
        rival = None
        if champion is not None:
            challenger = Challenger(
                rows=rows, margins=margins, fitted=subject.fitted, market=subject.market
            )
            now = self._run.created_at
            rival = against(champion, challenger, study, self._assessor.data, now)
        return Holdout(rows=rows, margins=margins, line=line[mine], champion=rival)

"""From choices and finished trees to judged releases."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.candidate import Fitted, fitted
from models.evaluation.assess import Assessor, Holdout, Subject, line_of
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

    def make(
        self, chosen: list[Chosen], results: Mapping[str, Arrays], progress: Progress
    ) -> list[ReleaseInfo]:
        infos: list[ReleaseInfo] = []
        pooled: Fitted | None = None
        for done, one in enumerate(chosen, start=1):
            sized = fitted(self._plan.study, one.choice.found, pooled, one.choice.kind)
            pooled = pooled or sized
            infos.append(self._make(one, sized, results))
            progress(f"{one.scope.name}: {one.choice.kind}", done / len(chosen))
        return infos

    def _make(self, one: Chosen, sized: Fitted, results: Mapping[str, Arrays]) -> ReleaseInfo:
        plan, scope = self._plan, one.scope
        pooled_rows = np.concatenate([fold.test for fold in plan.study.cut.folds])
        subject = Subject(
            scope=scope.name,
            market=plan.market.only(scope.symbols),
            mine=scope.mine,
            choice=one.choice,
            fitted=sized,
            tries=one.tries,
            line=line_of(one.choice.found, plan.line()[scope.mine[pooled_rows]]),
        )
        trees = trees_of(one.choice.kind, results.get(scope.name), results[GLOBAL])
        holdout = self._holdout(subject, trees, results[GLOBAL]["rival"])
        earlier = self._log.earlier(plan.market, (scope.name, GLOBAL))
        evaluation, trials = self._assessor.evaluate(subject, holdout, earlier)
        self._log.record(trials)
        verdict = judge(evaluation, self._gate, is_pooled=scope.name == GLOBAL)
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

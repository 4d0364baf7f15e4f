"""From finished folds to what a release of every scope is made of."""

from dataclasses import dataclass

import numpy as np

from models.candidate import Choice, OutOfFold, Study, best, blended, choose
from models.manifest import GLOBAL
from models.training.plan import Plan, Scope, instruments
from models.training.samples import MIN_ROWS
from models.training.tasks import Task
from shared.domain.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chosen:
    """`own` is the scope that grew trees, if the choice needs them; `tries` are all by kind."""

    scope: Scope
    choice: Choice
    own: Scope | None
    tries: tuple[tuple[str, OutOfFold], ...]


def choices(plan: Plan, draws: int) -> list[Chosen]:
    """Choose configuration and kind of every scope, GLOBAL first."""
    study = plan.study
    tried = plan.out_of_fold(plan.pooled)
    if not tried:
        raise BadInput(
            "candles",
            "give too few rows to learn from, or outcomes all alike",
            "give a longer history, or lower costs so that more candles are tradeable",
        )
    pooled = best(study.rows, tried)
    growers = {scope.name: scope for scope in plan.growers[1:]}
    everyone = Choice(kind="global", found=pooled, scores=())
    named = tuple(("global", one) for one in tried)
    found = [Chosen(scope=plan.pooled, choice=everyone, own=None, tries=named)]
    for scope in instruments(study):
        shared = pooled.of(scope.mine)
        if not _can_be_judged(study, shared, draws):
            continue
        grown = plan.out_of_fold(scope) if scope.name in growers else ()
        own = best(study.rows, grown) if grown else None
        choice = choose(study, shared, own, draws)
        kinds = [("global", shared), *(("own", one) for one in grown)]
        if own is not None:
            kinds.append(("blend", blended(own, shared)))
        is_grown = choice.kind != "global"
        found.append(
            Chosen(scope=scope, choice=choice, own=scope if is_grown else None, tries=tuple(kinds))
        )
    return found


def _can_be_judged(study: Study, found: OutOfFold, draws: int) -> bool:
    """Return whether there are rows enough, with outcomes of both kinds, over time enough."""
    folds = np.unique(found.fold_of)
    y = study.rows.y[found.rows]
    is_mixed = all(len(np.unique(y[found.fold_of != fold])) == 2 for fold in folds)
    if len(folds) < 2 or len(y) < MIN_ROWS or not is_mixed:
        return False
    return study.bootstrap_or_none(found.rows, draws) is not None


def finals(plan: Plan, chosen: list[Chosen]) -> dict[str, Task]:
    """Return by scope the trees that are still to be grown on all that is known."""
    pooled = chosen[0].choice.found.configuration
    tasks: dict[str, Task] = {GLOBAL: plan.final_task(plan.pooled, pooled)}
    for one in chosen:
        if one.own is not None:
            own = one.choice.found.configuration
            tasks[one.scope.name] = plan.final_task(one.own, own)
    return tasks

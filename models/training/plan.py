"""What a training consists of, before any of it is done: every process finds the same pieces."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.booster import BoosterParams, library_versions
from models.candidate import OutOfFold, Study, collected
from models.evaluate import auc
from models.features import schema_hash
from models.manifest import GLOBAL, TradedMarket, scope_of
from models.statistics.bootstrap import MIN_BLOCKS
from models.training.samples import MIN_ROWS, can_teach, rows_of, within
from models.training.tasks import FinalTask, FoldTask, LeakTask, PathTask, Task, paths_of
from models.training.tenancy import FOLDER
from models.training.workbench import Arrays, Workbench, digest_of
from models.validation import Combinatorial
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol

_SECONDS_PER_DAY = 86_400
_LONGEST_WINDOW = 174
"""Candles that the longest feature window looks back: a tested block shines through as long."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scope:
    """Whom a release speaks for, and which rows (m,) are theirs."""

    name: str
    symbols: tuple[Symbol, ...]
    mine: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """`growers` are the scopes with trees of their own, the pooled one first."""

    study: Study
    market: TradedMarket
    folder: Path
    growers: tuple[Scope, ...]
    configurations: tuple[BoosterParams, ...]
    looks_for_leaks: bool
    walks_paths: bool

    @property
    def bench(self) -> Workbench:
        return Workbench(self.folder)

    @property
    def pooled(self) -> Scope:
        return self.growers[0]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Return all that depends on nothing but the rows; the longest come first."""
        newest_first = reversed(range(len(self.study.cut.folds)))
        folds = [self.fold_task(scope, fold) for fold in newest_first for scope in self.growers]
        folds.sort(key=lambda task: task.scope != GLOBAL)
        leaks = (self.leak_task,) if self.looks_for_leaks else ()
        return (*leaks, *folds, *(self.path_tasks if self.walks_paths else ()))

    @property
    def path_tasks(self) -> tuple[PathTask, ...]:
        """Return the splits of combinatorial cross-validation, under the first configuration."""
        count = len(self._paths().folds)
        return tuple(
            PathTask(
                split=split,
                walk=self.study.rule,
                configuration=self.configurations[0],
                embargo_seconds=self._path_embargo,
            )
            for split in range(count)
        )

    def path_aucs(self) -> tuple[float, ...]:
        """Return the AUC of every path through all blocks: how far luck of the split scatters."""
        rows, cut = self.study.rows, self._paths()
        known = self.study.cut.holdout.train
        margins = np.full((len(cut.folds), len(rows)), np.nan)
        for task in self.path_tasks:
            found = self.done(task)
            margins[task.split, found["rows"]] = found["margins"]
        aucs: list[float] = []
        for number in range(int(cut.path_of.max()) + 1):
            part, split_of = cut.path(number)
            part = known[part]
            aucs.append(auc(margins[split_of, part], rows.y[part], rows.uniqueness[part]))
        return tuple(aucs)

    @property
    def _path_embargo(self) -> int:
        return _LONGEST_WINDOW * self.market.interval.seconds

    def _paths(self) -> Combinatorial:
        return paths_of(self.study.rows, self.study.rule, self._path_embargo)

    @property
    def leak_task(self) -> LeakTask:
        return LeakTask(market=self.market, label=self.study.label, walk=self.study.rule)

    def fold_task(self, scope: Scope, fold: int) -> FoldTask:
        return FoldTask(
            scope=scope.name,
            symbols=scope.symbols,
            fold=fold,
            walk=self.study.rule,
            configurations=self.configurations,
            has_rival=scope.name == GLOBAL,
        )

    def final_task(self, scope: Scope, configuration: BoosterParams) -> FinalTask:
        return FinalTask(
            scope=scope.name,
            symbols=scope.symbols,
            walk=self.study.rule,
            configuration=configuration,
            has_rival=scope.name == GLOBAL,
        )

    def done(self, task: Task) -> Arrays:
        """Return what a task gave.

        Raises:
            BadInput: it has not been done.
        """
        found = self.bench.kept(task.name)
        if found is None:
            raise BadInput("work", f"{task.name} is not done", "run the shards first")
        return found

    def out_of_fold(self, scope: Scope) -> tuple[OutOfFold, ...]:
        """Return one result per configuration; none where a fold could not be fitted."""
        return collected(self._folds(scope), self.configurations)

    def line(self) -> NDArray[np.float64]:
        """Return the logistic regression's log-odds on the pooled out-of-fold rows."""
        return np.concatenate([one["rival"] for one in self._folds(self.pooled)])

    def _folds(self, scope: Scope) -> list[Arrays]:
        numbers = range(len(self.study.cut.folds))
        return [self.done(self.fold_task(scope, fold)) for fold in numbers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is tried; `min_effective_labels` is what an instrument's own trees need."""

    configurations: tuple[BoosterParams, ...]
    min_effective_labels: float
    looks_for_leaks: bool
    walks_paths: bool


def plan_of(study: Study, market: TradedMarket, scale: Scale, root: Path) -> Plan:
    """Name the pieces of a training, and its folder by everything that decides their results.

    Raises:
        BadInput: what is tested is too little to judge by.
    """
    rows = study.rows
    _check_tests(study)
    name = digest_of(
        rows.fingerprint,
        rows.symbols,
        asdict(market),
        asdict(study.label),
        asdict(study.rule),
        schema_hash(market.interval.seconds),
        library_versions(),
    )
    folder = root / FOLDER / name
    everyone = Scope(name=GLOBAL, symbols=rows.symbols, mine=np.ones(len(rows), dtype=np.bool_))
    own = [
        scope
        for scope in instruments(study)
        if len(rows.symbols) > 1 and _can_grow(study, scope, scale.min_effective_labels)
    ]
    return Plan(
        study=study,
        market=market,
        folder=folder,
        growers=(everyone, *own),
        configurations=scale.configurations,
        looks_for_leaks=scale.looks_for_leaks,
        walks_paths=scale.walks_paths,
    )


def instruments(study: Study) -> Sequence[Scope]:
    rows = study.rows
    return [
        Scope(name=scope_of(symbol), symbols=(symbol,), mine=rows_of(rows, (symbol,)))
        for symbol in rows.symbols
    ]


def _check_tests(study: Study) -> None:
    """Refuse before any work what could not be judged after it."""
    folds = study.cut.folds
    if len(folds) < 2:
        raise BadInput("folds", "leave none to calibrate the tested one by", "test at least two")
    tested = np.concatenate([fold.test for fold in folds])
    if study.bootstrap_or_none(tested, draws=1) is None:
        days = np.ptp(study.rows.closed_at[tested]) / _SECONDS_PER_DAY
        needed = MIN_BLOCKS * 2 * study.rule.embargo_seconds / _SECONDS_PER_DAY
        raise BadInput(
            "history",
            f"{days:.0f} days are tested, {needed:.0f} are needed to judge trades this long",
            "test more or longer blocks (--folds, --test-days), or take a shorter --horizon",
        )


def _can_grow(study: Study, scope: Scope, min_effective_labels: float) -> bool:
    known = within(study.cut.holdout, scope.mine)
    if study.n_effective(known.train) < min_effective_labels:
        return False
    if not can_teach(study.rows, known, study.rule.embargo_seconds):
        return False
    return all(len(within(fold, scope.mine).train) >= 2 * MIN_ROWS for fold in study.cut.folds)

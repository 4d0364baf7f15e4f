"""Pieces of a training that depend on nothing but its rows: any process can do any of them."""

from dataclasses import asdict, dataclass
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.booster import BoosterParams, Ground
from models.dataset import CandleArrays, TrainingSet
from models.evaluation.finding import Finding
from models.forest import Forest, read_forest
from models.leakage import Subject, bracket_labels, catalogue, forward_folds, instruments_of, lint
from models.manifest import LabelRule, TradedMarket
from models.statistics.drift import psi, shares_of
from models.strategy.baselines import fit_logistic
from models.training.samples import rows_of, samples, within
from models.training.search import name_of
from models.training.workbench import Arrays, digest_of
from models.validation import (
    Combinatorial,
    Fold,
    Indices,
    WalkForwardRule,
    combinatorial,
    walk_forward,
)
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol

_EXPLAINED_ROWS = 200
_REFERENCE_ROWS = 20_000
_RIVAL_ROWS = 40_000
_DECILES = np.arange(1, 10) / 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldTask:
    """One test block of one scope, under every configuration.

    `has_rival`: fit the logistic regression beside. Gives `rows` (k,), `margins` (c, k), `rounds`
    (c,), `contributions` (c, 86), `psi_features` (86,), `psi` (c,) and `rival` (k,);
    or `unfit`, which says why there is nothing. A block in which the scope has no row needs no
    trees: k is 0.
    """

    scope: str
    symbols: tuple[Symbol, ...]
    fold: int
    walk: WalkForwardRule
    configurations: tuple[BoosterParams, ...]
    has_rival: bool

    @property
    def name(self) -> str:
        named = [name_of(one) for one in self.configurations]
        work = digest_of(self.symbols, asdict(self.walk), named, self.has_rival)
        return f"fold-{self.scope}-{self.fold}-{work}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalTask:
    """The trees that will be served: all that is known before the holdout, one configuration.

    Gives `ubj`, `grown`, `missing_rate` (86,), and, `has_rival`, the logistic regression's log-odds
    `rival` on the holdout's rows.
    """

    scope: str
    symbols: tuple[Symbol, ...]
    walk: WalkForwardRule
    configuration: BoosterParams
    has_rival: bool

    @property
    def name(self) -> str:
        work = digest_of(
            self.symbols, asdict(self.walk), name_of(self.configuration), self.has_rival
        )
        return f"final-{self.scope}-{work}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathTask:
    """One of the 15 splits of combinatorial cross-validation, all instruments together: research.

    Gives `rows` and `margins` (k,) of the blocks it tested. The holdout is not touched.
    """

    split: int
    walk: WalkForwardRule
    configuration: BoosterParams
    embargo_seconds: int

    @property
    def name(self) -> str:
        work = digest_of(asdict(self.walk), name_of(self.configuration), self.embargo_seconds)
        return f"path-{self.split}-{work}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakTask:
    """The ten checks over the same candles and folds."""

    market: TradedMarket
    label: LabelRule
    walk: WalkForwardRule

    @property
    def name(self) -> str:
        return f"leaks-{digest_of(asdict(self.walk))}"


Task: TypeAlias = FoldTask | FinalTask | PathTask | LeakTask


def solve_fold(rows: TrainingSet, task: FoldTask) -> Arrays:
    fold = walk_forward(rows.closed_at, rows.label_end_at, task.walk).folds[task.fold]
    mine = within(fold, rows_of(rows, task.symbols))
    if not len(mine.test):
        return _untested(len(task.configurations), rows.vectors.shape[1])
    try:
        train, stopping = samples(rows, mine, task.walk.embargo_seconds)
    except BadInput as error:
        return {"unfit": np.array(str(error))}
    grounds: dict[int, Ground] = {}
    tested, seen = rows.vectors[mine.test], _thinned(mine.train, _REFERENCE_ROWS)
    found: dict[str, list[NDArray[np.float64]]] = {"margins": [], "contributions": []}
    rounds: list[int] = []
    psis: list[float] = []
    for params in task.configurations:
        ground = grounds.get(params.max_bin)
        if ground is None:
            ground = grounds[params.max_bin] = Ground(train, stopping, params.max_bin, 1)
        grown = ground.grow(params)
        forest = read_forest(grown.ubj)
        margins = forest.margins(tested)
        found["margins"].append(margins)
        found["contributions"].append(_mean_contributions(forest, tested))
        rounds.append(grown.rounds)
        psis.append(_psi(forest.margins(rows.vectors[seen]), margins))
    return {
        "rows": mine.test,
        "margins": np.stack(found["margins"]),
        "contributions": np.stack(found["contributions"]),
        "rounds": np.array(rounds),
        "psi": np.array(psis),
        "psi_features": _psi_of_columns(rows.vectors[seen], tested),
        "rival": _rival(rows, mine) if task.has_rival else np.empty(0),
    }


def _untested(configurations: int, features: int) -> Arrays:
    return {
        "rows": np.empty(0, dtype=np.intp),
        "margins": np.empty((configurations, 0)),
        "contributions": np.zeros((configurations, features)),
        "rounds": np.zeros(configurations, dtype=np.int64),
        "psi": np.zeros(configurations),
        "psi_features": np.zeros(features),
        "rival": np.empty(0),
    }


def solve_final(rows: TrainingSet, task: FinalTask, threads: int) -> Arrays:
    fold = walk_forward(rows.closed_at, rows.label_end_at, task.walk).holdout
    mine = within(fold, rows_of(rows, task.symbols))
    train, stopping = samples(rows, mine, task.walk.embargo_seconds)
    params = task.configuration
    grown = Ground(train, stopping, params.max_bin, threads).grow(params)
    return {
        "ubj": np.frombuffer(grown.ubj, dtype=np.uint8),
        "grown": np.frombuffer(msgspec.json.encode({**asdict(grown), "ubj": b""}), dtype=np.uint8),
        "missing_rate": np.isnan(train.vectors).mean(axis=0),
        "rival": _rival(rows, mine) if task.has_rival else np.empty(0),
    }


def solve_path(rows: TrainingSet, task: PathTask) -> Arrays:
    fold = paths_of(rows, task.walk, task.embargo_seconds).folds[task.split]
    known = known_rows(rows, task.walk)
    train, stopping = samples(
        rows, Fold(train=known[fold.train], test=known[fold.test]), task.walk.embargo_seconds
    )
    params = task.configuration
    forest = read_forest(Ground(train, stopping, params.max_bin, 1).grow(params).ubj)
    tested = known[fold.test]
    return {"rows": tested, "margins": forest.margins(rows.vectors[tested])}


def paths_of(rows: TrainingSet, walk: WalkForwardRule, embargo_seconds: int) -> Combinatorial:
    """Cut what is known before the holdout; indices count those rows."""
    known = known_rows(rows, walk)
    return combinatorial(rows.closed_at[known], rows.label_end_at[known], embargo_seconds)


def known_rows(rows: TrainingSet, walk: WalkForwardRule) -> Indices:
    return walk_forward(rows.closed_at, rows.label_end_at, walk).holdout.train


def solve_leaks(data: dict[Symbol, CandleArrays], task: LeakTask) -> Arrays:
    subject = Subject(
        instruments=instruments_of(data, task.market),
        features=catalogue,
        labels=bracket_labels(task.label),
        cut=forward_folds(task.walk),
        horizon=task.label.horizon,
        embargo_seconds=task.walk.embargo_seconds,
    )
    findings = lint(subject, lambda _what, _share: None)
    return {"findings": np.frombuffer(msgspec.json.encode(findings), dtype=np.uint8)}


def findings_in(arrays: Arrays) -> tuple[Finding, ...]:
    return msgspec.json.decode(arrays["findings"].tobytes(), type=tuple[Finding, ...])


def _rival(rows: TrainingSet, fold: Fold) -> NDArray[np.float64]:
    train = _thinned(fold.train, _RIVAL_ROWS)
    model = fit_logistic(rows.vectors[train], rows.y[train], rows.uniqueness[train])
    return model.log_odds(rows.vectors[fold.test])


def _mean_contributions(forest: Forest, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    picked = _thinned(np.arange(len(vectors)), _EXPLAINED_ROWS)
    shares = [forest.contributions(vectors[row].astype(np.float64))[:-1] for row in picked]
    return np.abs(shares).mean(axis=0) if shares else np.zeros(vectors.shape[1])


def _psi_of_columns(
    reference: NDArray[np.float32], current: NDArray[np.float32]
) -> NDArray[np.float64]:
    pairs = zip(reference.T, current.T, strict=True)
    return np.array([_psi(before, after) for before, after in pairs])


def _psi(reference: NDArray[np.floating], current: NDArray[np.floating]) -> float:
    known = reference[np.isfinite(reference)].astype(np.float64)
    edges = np.unique(np.quantile(known, _DECILES)) if len(known) else np.empty(0)
    return psi(shares_of(edges, reference), shares_of(edges, current))


def _thinned(rows: Indices, most: int) -> Indices:
    return rows[:: max(-(-len(rows) // most), 1)]

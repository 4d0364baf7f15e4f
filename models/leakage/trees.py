"""Small, quick trees over the folds: enough to see whether there is something to see."""

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
import xgboost
from numpy.typing import NDArray

from models.evaluate import auc
from models.leakage.subject import Floats
from models.validation import Fold, Indices

_MAX_TRAIN_ROWS = 60_000
"""More are thinned evenly: neighbours share most of their label anyway."""
_ROUNDS = 30
_MAX_BIN = 32
_PARAMS = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "device": "cpu",
    "max_depth": 3,
    "eta": 0.15,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
    "min_child_weight": 10.0,
    "reg_lambda": 5.0,
    "max_bin": _MAX_BIN,
    "seed": 7,
    "nthread": 1,
    "verbosity": 0,
}
_TOP = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """`auc` is the mean over folds and instruments, each by its effective labels.

    So neither a base rate that drifts nor one that differs between instruments counts as skill.
    `auc_error` is what `auc` scatters by where nothing can be told. `top_precision` is the share
    of wins in the tenth that was promised most in its fold, `top_error` its standard error.
    """

    auc: float
    auc_error: float
    base_rate: float
    top_precision: float
    top_error: float
    n_effective: float


class Course:
    """Training and test matrices of all folds, prepared once for any outcomes."""

    def __init__(
        self,
        vectors: NDArray[np.float32],
        instrument: NDArray[np.int64],
        uniqueness: Floats,
        folds: tuple[Fold, ...],
    ) -> None:
        self._instrument = instrument
        self._uniqueness = uniqueness
        self._folds = [Fold(train=_thinned(fold.train), test=fold.test) for fold in folds]
        self._train = [
            xgboost.QuantileDMatrix(
                vectors[fold.train], np.zeros(len(fold.train)), max_bin=_MAX_BIN, nthread=1
            )
            for fold in self._folds
        ]
        self._test = [xgboost.DMatrix(vectors[fold.test], nthread=1) for fold in self._folds]

    def score(self, y: NDArray[np.int8]) -> Score:
        """Train every fold on these outcomes (m,) and return how well its tests are told."""
        margins = [self._margins(number, y) for number in range(len(self._folds))]
        return _score(self._folds, margins, self._instrument, y, self._uniqueness)

    def _margins(self, number: int, y: NDArray[np.int8]) -> NDArray[np.float32]:
        train = self._folds[number].train
        weights = self._uniqueness[train] / self._uniqueness[train].mean()
        base_rate = float(np.clip(np.average(y[train], weights=weights), 0.01, 0.99))
        matrix = self._train[number]
        matrix.set_info(label=y[train], weight=weights)
        booster = xgboost.train({**_PARAMS, "base_score": base_rate}, matrix, _ROUNDS)
        return booster.predict(self._test[number], output_margin=True)


def _thinned(rows: Indices) -> Indices:
    every = -(-len(rows) // _MAX_TRAIN_ROWS)
    return rows[:: max(every, 1)]


def _score(
    folds: list[Fold],
    margins: list[NDArray[np.float32]],
    instrument: NDArray[np.int64],
    y: NDArray[np.int8],
    uniqueness: Floats,
) -> Score:
    tests = np.concatenate([fold.test for fold in folds])
    wins, weights = y[tests], uniqueness[tests]
    margin = np.concatenate(margins).astype(np.float64)
    fold_of = np.repeat(np.arange(len(folds)), [len(fold.test) for fold in folds])
    group_of = fold_of * (int(instrument.max()) + 1) + instrument[tests]
    mean, error = _mean_auc(margin, wins, weights, group_of)
    is_top = np.zeros(len(tests), dtype=np.bool_)
    for number in range(len(folds)):
        mine = fold_of == number
        is_top[mine] = margin[mine] >= np.quantile(margin[mine], _TOP)
    base_rate = float(np.average(wins, weights=weights))
    labels = float(weights[is_top].sum())
    return Score(
        auc=mean,
        auc_error=error,
        base_rate=base_rate,
        top_precision=float(np.average(wins[is_top], weights=weights[is_top])),
        top_error=sqrt(base_rate * (1 - base_rate) / labels),
        n_effective=float(weights.sum()),
    )


def _mean_auc(
    margin: Floats, y: NDArray[np.int8], weights: Floats, group_of: NDArray[np.int64]
) -> tuple[float, float]:
    """Return the mean AUC of the groups and its error under chance.

    Source of the error: the variance of the Mann-Whitney statistic, (n + 1) / (12 n1 n0).
    """
    total = summed = squared = 0.0
    for group in np.unique(group_of):
        mine = group_of == group
        won = float(weights[mine] @ y[mine])
        lost = float(weights[mine].sum()) - won
        if won <= 0 or lost <= 0:
            continue
        size = won + lost
        total += size
        summed += size * auc(margin[mine], y[mine], weights[mine])
        squared += size**2 * (size + 1) / (12 * won * lost)
    return (summed / total, sqrt(squared) / total) if total else (0.5, inf)

"""Rows as a booster takes them, with the holes that service will show it."""

import numpy as np

from models.booster import Sample
from models.dataset import TrainingSet, with_holes
from models.labels import sample_weights
from models.validation import Fold, Indices, stopping_tail
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol

MIN_ROWS = 50


def rows_of(rows: TrainingSet, symbols: tuple[Symbol, ...]) -> np.ndarray:
    """Return which rows (m,) belong to the instruments."""
    numbers = [rows.symbols.index(symbol) for symbol in symbols]
    return np.isin(rows.symbol_index, numbers)


def within(fold: Fold, mine: np.ndarray) -> Fold:
    return Fold(train=fold.train[mine[fold.train]], test=fold.test[mine[fold.test]])


def samples(rows: TrainingSet, fold: Fold, embargo_seconds: int) -> tuple[Sample, Sample]:
    """Return what grows the trees of a fold and what stops them: its latest 15 % by time.

    Raises:
        BadInput: too few rows, or outcomes all alike.
    """
    inner = _inner(rows, fold, embargo_seconds)
    return _sample(rows, inner.train), _sample(rows, inner.test)


def can_teach(rows: TrainingSet, fold: Fold, embargo_seconds: int) -> bool:
    """Return whether trees can be grown from the rows that train the fold."""
    try:
        _inner(rows, fold, embargo_seconds)
    except BadInput:
        return False
    return True


def _inner(rows: TrainingSet, fold: Fold, embargo_seconds: int) -> Fold:
    _refuse_few(rows, fold.train)
    inner = stopping_tail(fold, rows.closed_at, rows.label_end_at, embargo_seconds)
    for part in (inner.train, inner.test):
        _refuse_few(rows, part)
    return inner


def _sample(rows: TrainingSet, part: Indices) -> Sample:
    return Sample(
        vectors=with_holes(rows.vectors[part], rows.fingerprint),
        y=rows.y[part],
        weights=sample_weights(rows.uniqueness[part], rows.closed_at[part]),
    )


def _refuse_few(rows: TrainingSet, part: Indices) -> None:
    if len(part) < MIN_ROWS or len(np.unique(rows.y[part])) < 2:
        raise BadInput(
            "candles",
            f"give {len(part)} rows to learn from, too few or all alike",
            "give a longer history, or lower costs so that more candles are tradeable",
        )

"""The subject's features and rows, computed once for all checks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.dataset import is_usable
from models.features import barrier_ratios
from models.leakage.subject import Floats, Matrix, Subject, catalogue
from models.leakage.trees import Course, Score
from models.validation import Fold, Instants
from shared.domain.errors import BadInput

Advance: TypeAlias = Callable[[float], None]
"""Hears which share of a check is behind."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """One row per decision that is learned from, (m,) each, ordered by instrument, then time.

    `candle` numbers the candle decided on. Instants are when candles close: the one decided on,
    the one entered in, the one in which the outcome is known.
    """

    instrument: NDArray[np.int64]
    candle: NDArray[np.int64]
    decided_at: Instants
    entry_at: Instants
    label_end_at: Instants
    y: NDArray[np.int8]
    uniqueness: Floats

    def __len__(self) -> int:
        return len(self.y)


class Bench:
    """Everything is computed when it is first asked for."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    def prepare(self) -> None:
        """Compute what every check needs.

        Raises:
            BadInput: no rows, too few days of them, or a feature function that fails.
        """
        _ = self.matrices, self.folds

    @cached_property
    def matrices(self) -> tuple[Matrix, ...]:
        """The features of every candle, instrument by instrument."""
        subject = self.subject
        return tuple(subject.features(one.candles, one.reference) for one in subject.instruments)

    @cached_property
    def barriers(self) -> tuple[Floats, ...]:
        """How wide the bracket of a trade decided on each candle is."""
        return tuple(barrier for barrier, _ in self._grounds)

    @cached_property
    def rows(self) -> Rows:
        parts = [self._rows_of(number) for number in range(len(self.subject.instruments))]
        columns = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in Rows.__dataclass_fields__
        }
        rows = Rows(**columns)
        if not len(rows):
            raise BadInput("candles", "give no labelled row", "give a longer history")
        return rows

    @cached_property
    def folds(self) -> tuple[Fold, ...]:
        return self.subject.cut(self.rows.decided_at, self.rows.label_end_at)

    @cached_property
    def course(self) -> Course:
        """The folds with the features as they are."""
        return self.course_of(self.folds)

    @cached_property
    def score(self) -> Score:
        """How well the true outcomes are told."""
        return self.course.score(self.rows.y)

    def course_of(self, folds: tuple[Fold, ...], shift: int = 0) -> Course:
        """Return the folds with features of `shift` candles later than each decision."""
        rows = self.rows
        vectors = np.empty((len(rows), len(self.matrices[0].names)), dtype=np.float32)
        for number, matrix in enumerate(self.matrices):
            mine = rows.instrument == number
            moved = np.clip(rows.candle[mine] + shift, 0, len(matrix.values) - 1)
            vectors[mine] = matrix.values[moved]
        return Course(vectors, rows.instrument, rows.uniqueness, folds)

    @cached_property
    def _grounds(self) -> tuple[tuple[Floats, NDArray[np.bool_]], ...]:
        """Each candle's barrier, and whether its vector of the catalogue may be used at all."""
        found: list[tuple[Floats, NDArray[np.bool_]]] = []
        for one in self.subject.instruments:
            vectors = catalogue(one.candles, one.reference).values
            found.append((barrier_ratios(vectors, self.subject.horizon), is_usable(vectors)))
        return tuple(found)

    def _rows_of(self, number: int) -> Rows:
        candles = self.subject.instruments[number].candles
        barrier, usable = self._grounds[number]
        outcomes = self.subject.labels(candles, barrier)
        kept = np.flatnonzero(outcomes.is_kept & usable)
        return Rows(
            instrument=np.full(len(kept), number, dtype=np.int64),
            candle=kept,
            decided_at=candles.closed_at[kept],
            entry_at=candles.closed_at[outcomes.entry_index[kept]],
            label_end_at=candles.closed_at[outcomes.end_index[kept]],
            y=outcomes.y[kept],
            uniqueness=outcomes.uniqueness[kept],
        )

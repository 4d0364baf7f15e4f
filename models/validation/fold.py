"""One way to cut rows: those that teach and those that judge."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.domain.errors import BadInput

Instants = NDArray[np.int64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """Row numbers, ascending."""

    train: Indices
    test: Indices


def check_rows(decided_at: Instants, label_end_at: Instants) -> None:
    """Refuse rows that cannot be cut by time.

    Raises:
        BadInput: no rows, columns of different length, or an outcome known before its decision.
    """
    if decided_at.ndim != 1 or decided_at.shape != label_end_at.shape:
        raise BadInput("rows", "the columns differ in length", "give both instants of every row")
    if not len(decided_at):
        raise BadInput("rows", "there are none", "give a longer history, or lower costs")
    if (label_end_at < decided_at).any():
        row = int(np.argmax(label_end_at < decided_at))
        raise BadInput("rows", f"the label of row {row} ends before its decision", "mend the label")

"""Combinatorial purged cross-validation (Lopez de Prado 2018, chapter 12): for research only.

Every row is tested several times, each time by a model that never saw its surroundings, also by
models that know the future of it. It tells how far results scatter, not what would have been
earned: that is what walk-forward says.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from models.validation.fold import Fold, Indices, Instants, check_rows
from shared.domain.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Combinatorial:
    """`group_of` (m,) says which block of time a row lies in, 0 the oldest.

    Split s tests the blocks `tested[s]`; `path_of[s]` (as many) says to which path each belongs.
    A path tests every block once.
    """

    folds: tuple[Fold, ...]
    group_of: NDArray[np.int64]
    tested: NDArray[np.int64]
    path_of: NDArray[np.int64]

    def path(self, number: int) -> tuple[Indices, NDArray[np.int64]]:
        """Return all rows in order of their blocks, and the split that tests each on this path."""
        splits, places = np.nonzero(self.path_of == number)
        order = np.argsort(self.tested[splits, places])
        splits, groups = splits[order], self.tested[splits, places][order]
        parts = [np.flatnonzero(self.group_of == group) for group in groups]
        return np.concatenate(parts), np.repeat(splits, [len(part) for part in parts])


def combinatorial(
    decided_at: Instants,
    label_end_at: Instants,
    embargo_seconds: int,
    groups: int = 6,
    tested: int = 2,
) -> Combinatorial:
    """Cut time into `groups` blocks and test every choice of `tested` of them.

    The blocks hold equally many instants, the same for all instruments. A row trains unless it
    overlaps a tested block: from its first decision to the end of its last label, and an embargo
    longer on the far side, where features still look back into it. 6 and 2 give 15 splits and 5
    paths.

    Raises:
        BadInput: fewer instants than blocks, nothing to choose, or nothing left to train on.
    """
    check_rows(decided_at, label_end_at)
    if not 0 < tested < groups or embargo_seconds < 0:
        raise BadInput("groups", f"{tested} of {groups}", "test at least one group, but not all")
    group_of = _blocks(decided_at, groups)
    choices = np.array(list(combinations(range(groups), tested)), dtype=np.int64)
    forbidden = np.stack(
        [
            _overlaps(decided_at, label_end_at, group_of == group, embargo_seconds)
            for group in range(groups)
        ]
    )
    folds = tuple(
        Fold(
            train=np.flatnonzero(~forbidden[choice].any(axis=0)),
            test=np.flatnonzero(np.isin(group_of, choice)),
        )
        for choice in choices
    )
    if any(not len(fold.train) for fold in folds):
        raise BadInput(
            "history", "a split has nothing left to train on", "give more history or fewer groups"
        )
    return Combinatorial(
        folds=folds, group_of=group_of, tested=choices, path_of=_paths(choices, groups)
    )


def _blocks(decided_at: Instants, groups: int) -> NDArray[np.int64]:
    """Return each row's block; the first blocks are one instant longer where it does not divide."""
    instants, place = np.unique(decided_at, return_inverse=True)
    if len(instants) < groups:
        raise BadInput(
            "history", f"has {len(instants)} instants for {groups} groups", "give more history"
        )
    sizes = [len(part) for part in np.array_split(instants, groups)]
    return np.repeat(np.arange(groups), sizes)[place.reshape(-1)]


def _overlaps(
    decided_at: Instants, label_end_at: Instants, block: NDArray[np.bool_], embargo_seconds: int
) -> NDArray[np.bool_]:
    first, last = decided_at[block].min(), label_end_at[block].max()
    return (label_end_at >= first) & (decided_at <= last + embargo_seconds)


def _paths(choices: NDArray[np.int64], groups: int) -> NDArray[np.int64]:
    """Return for each tested block of each split how often it was tested before."""
    paths = np.empty_like(choices)
    seen = np.zeros(groups, dtype=np.int64)
    for split, choice in enumerate(choices):
        paths[split] = seen[choice]
        seen[choice] += 1
    return paths

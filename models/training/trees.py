"""The finished trees of a scope, before they are written down."""

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.booster import Grown, reference_margins
from models.forest import Forest, read_forest
from models.manifest import Kind
from models.training.workbench import Arrays

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trees:
    """One booster, or two whose margins are averaged: the scope's own one first, then the pooled.

    `missing_rate` (86,) is that of the rows which grew the first.
    """

    kind: Kind
    grown: Grown
    boosters: tuple[bytes, ...]
    forests: tuple[Forest, ...]
    missing_rate: Floats

    def margins(self, vectors: NDArray[np.float32]) -> Floats:
        return np.mean([forest.margins(vectors) for forest in self.forests], axis=0)

    def reference_margins(self, vectors: NDArray[np.float32]) -> Floats:
        """Return what XGBoost itself says."""
        return np.mean([reference_margins(one, vectors) for one in self.boosters], axis=0)


def trees_of(kind: Kind, own: Arrays | None, pooled: Arrays) -> Trees:
    """Put together what the kind is made of; `own` may be missing where the trees are shared."""
    if kind == "global" or own is None:
        return _trees("global", (pooled,))
    return _trees(kind, (own, pooled) if kind == "blend" else (own,))


def _trees(kind: Kind, results: tuple[Arrays, ...]) -> Trees:
    boosters = tuple(one["ubj"].tobytes() for one in results)
    first = msgspec.json.decode(results[0]["grown"].tobytes(), type=Grown)
    return Trees(
        kind=kind,
        grown=first,
        boosters=boosters,
        forests=tuple(read_forest(one) for one in boosters),
        missing_rate=results[0]["missing_rate"],
    )

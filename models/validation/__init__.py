"""Folds by time, all instruments at once: what is tested was never seen, nor does it overlap."""

from models.validation.combinatorial import Combinatorial, combinatorial
from models.validation.fold import Fold, Indices, Instants
from models.validation.walk_forward import (
    WalkForward,
    WalkForwardRule,
    stopping_tail,
    walk_forward,
)

__all__ = [
    "Combinatorial",
    "Fold",
    "Indices",
    "Instants",
    "WalkForward",
    "WalkForwardRule",
    "combinatorial",
    "stopping_tail",
    "walk_forward",
]

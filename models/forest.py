"""A booster as flat arrays, walked by compiled code: XGBoost costs 340 µs a call, this a few."""

from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.ubjson import decode
from models.walk import MAX_DEPTH, NODE, attribute, depths_of, mean_leaf, walk

Floats = NDArray[np.float64]
_NO_CHILD = -1
_MAX_OFFSET = np.iinfo(np.uint16).max
_MAX_FEATURES = 32_767


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forest:
    """Trees one after another in `nodes` (`walk.NODE`); `cover` is the weight that trained each.

    `expected` is the mean margin over the training rows.
    """

    feature_names: tuple[str, ...]
    attributes: dict[str, str]
    base_margin: float
    expected: float
    roots: NDArray[np.int32]
    depths: NDArray[np.int64]
    nodes: NDArray[np.void]
    cover: NDArray[np.float32]

    def margins(self, vectors: Floats | NDArray[np.float32]) -> Floats:
        """Return the log-odds of each row (n, features), before calibration."""
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        self._check(rows.shape[1])
        out = np.empty(len(rows))
        walk(rows, self.nodes, self.roots, self.depths, self.base_margin, out)
        return out

    def contributions(self, vector: Floats) -> Floats:
        """Return each feature's share of the margin (exact TreeSHAP); the last entry is the bias.

        The entries add up to the margin.
        """
        row = np.ascontiguousarray(vector, dtype=np.float32)
        self._check(len(row))
        out = np.zeros(len(row) + 1)
        attribute(row, self.nodes, self.roots, self.cover, out)
        out[-1] = self.expected
        return out

    def _check(self, columns: int) -> None:
        if columns != len(self.feature_names):
            raise ValueError(f"{columns} features given, {len(self.feature_names)} needed")


def read_forest(booster: bytes) -> Forest:
    """Read what `xgboost.Booster.save_raw("ubj")` writes for binary:logistic trees.

    Raises:
        ValueError: it is something else.
    """
    try:
        learner = decode(booster)["learner"]
        trees = learner["gradient_booster"]["model"]["trees"]
        if learner["objective"]["name"] != "binary:logistic":
            raise ValueError("not a binary:logistic booster")
        return _pack(learner, trees)
    except (KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ValueError("not a booster of trees") from error


def _pack(learner: dict[str, Any], trees: list[dict[str, Any]]) -> Forest:
    counts = [len(tree["left_children"]) for tree in trees]
    if not counts or min(counts) == 0:
        raise ValueError("a booster without trees")
    roots = np.concatenate(([0], np.cumsum(counts)[:-1])).astype(np.int32)
    columns = len(learner["feature_names"])
    if columns > _MAX_FEATURES:
        raise ValueError(f"more than {_MAX_FEATURES} features")
    nodes = np.concatenate([_nodes(tree, columns) for tree in trees])
    cover = np.concatenate([np.asarray(tree["sum_hessian"], dtype=np.float32) for tree in trees])
    if len(cover) != len(nodes) or not (np.isfinite(nodes["threshold"]) & (cover > 0)).all():
        raise ValueError("a tree with values that are not numbers")
    depths = depths_of(nodes, roots)
    if depths.max() > MAX_DEPTH:
        raise ValueError(f"a tree deeper than {MAX_DEPTH}")
    base_margin = _base_margin(learner["learner_model_param"]["base_score"])
    return Forest(
        feature_names=tuple(learner["feature_names"]),
        attributes=dict(learner["attributes"]),
        base_margin=base_margin,
        expected=base_margin + float(mean_leaf(nodes, roots, cover)),
        roots=roots,
        depths=depths,
        nodes=nodes,
        cover=cover,
    )


def _nodes(tree: dict[str, Any], columns: int) -> NDArray[np.void]:
    left, right, feature = (
        np.asarray(tree[name], dtype=np.int64)
        for name in ("left_children", "right_children", "split_indices")
    )
    inner = left != _NO_CHILD
    offset = np.where(inner, left - np.arange(len(left)), 0)
    # children lie side by side, behind their parent and inside the tree, so that every walk ends
    if (offset[inner] <= 0).any() or (right[inner] >= len(left)).any():
        raise ValueError("a tree that does not hang together")
    if (right[inner] != left[inner] + 1).any() or offset.max() > _MAX_OFFSET:
        raise ValueError("a tree laid out in another way")
    if np.any(tree["split_type"]) or not ((feature >= 0) & (feature < columns)).all():
        raise ValueError("a split on something that is not one of the features")
    nodes = np.zeros(len(left), dtype=NODE)
    nodes["threshold"] = np.asarray(tree["split_conditions"])
    nodes["offset"] = offset
    nodes["split"] = np.where(inner, 2 * feature + (np.asarray(tree["default_left"]) != 0), 0)
    return nodes


def _base_margin(text: str) -> float:
    """Return the log-odds of XGBoost's base score: a probability, in brackets since 3.1."""
    probability = float(np.float32(text.strip("[]")))
    if not 0 < probability < 1:
        raise ValueError(f"base score {text}")
    return log(probability / (1 - probability))

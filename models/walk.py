"""Compiled walks over the flat trees of a forest (see `models.forest` for the arrays)."""

# numba infers the types of these functions from the arrays that `Forest` holds
# ruff: noqa: ANN001, PLR0913, PLR0917
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import numpy as np
from numba import njit

MAX_DEPTH = 16
NODE = np.dtype(
    [
        ("threshold", np.float32),  # at a leaf: its value
        ("offset", np.uint16),  # to the left child, the right one follows it; 0 at a leaf
        ("split", np.uint16),  # twice the feature, plus 1 where a missing value goes left
    ]
)
"""8 bytes: on 500 trees of depth 6 the time goes into fetching nodes, not into comparing them."""


@njit(cache=True, nogil=True)
def walk(rows, nodes, roots, depths, base_margin, out) -> None:
    """Fill `out` with the base margin and the leaves each row falls into, added up in float32.

    As in XGBoost a value equal to the threshold goes right. A leaf leads to itself and every tree
    is walked to its full depth: no branch to mispredict, so the trees overlap in the pipeline.
    """
    for row in range(rows.shape[0]):
        total = np.float32(base_margin)
        for tree in range(len(roots)):
            node = np.int64(roots[tree])
            for _ in range(depths[tree]):
                node += _child(rows[row], nodes[node])
            total += nodes[node].threshold
        out[row] = total


@njit(cache=True, nogil=True, inline="always")
def _child(row, node):  # noqa: ANN202
    """Return how many nodes further the walk goes on."""
    value = row[node.split >> 1]
    goes_left = (value < node.threshold) | (np.isnan(value) & ((node.split & 1) != 0))
    goes_right = (not goes_left) & (node.offset != 0)
    return np.int64(node.offset) + np.int64(goes_right)


@njit(cache=True, nogil=True)
def depths_of(nodes, roots):  # noqa: ANN201
    """Return the depth of each tree; children lie behind their parents."""
    depth = np.zeros(len(nodes), dtype=np.int64)
    deepest = np.zeros(len(roots), dtype=np.int64)
    tree = -1
    for node in range(len(nodes)):
        if tree + 1 < len(roots) and node == roots[tree + 1]:
            tree += 1
        deepest[tree] = max(deepest[tree], depth[node])
        left = node + np.int64(nodes[node].offset)
        if left != node:
            depth[left] = depth[left + 1] = depth[node] + 1
    return deepest


@njit(cache=True, nogil=True)
def mean_leaf(nodes, roots, cover):  # noqa: ANN201
    """Return the sum of the trees' mean leaves, weighted by cover."""
    mean = np.zeros(len(nodes))
    for node in range(len(nodes) - 1, -1, -1):
        a = node + np.int64(nodes[node].offset)
        if a == node:
            mean[node] = nodes[node].threshold
        else:
            total = cover[a] + cover[a + 1]
            mean[node] = (mean[a] * cover[a] + mean[a + 1] * cover[a + 1]) / total
    found = 0.0
    for root in roots:
        found += mean[root]
    return found


@njit(cache=True, nogil=True)
def attribute(row, nodes, roots, cover, out) -> None:
    """Add the exact Shapley values of the sum of leaves, leaf by leaf (Mitchell et al. 2022)."""
    size = MAX_DEPTH + 1
    stack = np.empty(size, dtype=np.int64)
    lengths = np.empty(size, dtype=np.int64)
    columns = np.empty((size, size), dtype=np.int64)
    zeros = np.empty((size, size))  # share of the training weight that follows the path
    ones = np.empty((size, size))  # whether this row follows it
    scratch = np.empty(size + 1)
    for root in roots:
        top = 0
        stack[0], lengths[0] = root, 0
        while top >= 0:
            at, length = stack[top], lengths[top]
            node = nodes[at]
            if node.offset == 0:
                _share(columns[top], zeros[top], ones[top], length, node.threshold, scratch, out)
                top -= 1
                continue
            left = at + np.int64(node.offset)
            hot = at + _child(row, node)
            below = top + 1  # the right child goes on one slot higher, the left one in this slot
            columns[below, :length] = columns[top, :length]
            zeros[below, :length] = zeros[top, :length]
            ones[below, :length] = ones[top, :length]
            total = cover[left] + cover[left + 1]
            for slot, child in ((below, left + 1), (top, left)):
                stack[slot] = child
                lengths[slot] = _extend(
                    columns[slot],
                    zeros[slot],
                    ones[slot],
                    length,
                    np.int64(node.split >> 1),
                    cover[child] / total,
                    1.0 if child == hot else 0.0,
                )
            top = below


@njit(cache=True, nogil=True)
def _extend(columns, zeros, ones, length, column, zero, one):  # noqa: ANN202
    """Put one split on the path; a feature met before is multiplied into its earlier entry."""
    for i in range(length):
        if columns[i] == column:
            zeros[i] *= zero
            ones[i] *= one
            return length
    columns[length], zeros[length], ones[length] = column, zero, one
    return length + 1


@njit(cache=True, nogil=True)
def _share(columns, zeros, ones, length, value, product, out) -> None:
    """Split a leaf's value among the features of its path: every order of arrival counts alike.

    `product` holds the coefficients of prod_j (zero_j + one_j t): entry k sums over the sets of k
    features that are known. Dividing one feature out leaves the sets of the others.
    """
    product[: length + 1] = 0.0
    product[0] = 1.0
    for j in range(length):
        for k in range(j + 1, 0, -1):
            product[k] = zeros[j] * product[k] + ones[j] * product[k - 1]
        product[0] *= zeros[j]
    for j in range(length):
        weight = 1.0 / length  # k! (length-1-k)! / length!, from k = length-1 down
        following = 0.0
        total = 0.0
        for k in range(length - 1, -1, -1):
            if ones[j] > 0:
                following = product[k + 1] - zeros[j] * following
            else:
                following = product[k] / zeros[j]
            total += weight * following
            weight *= (length - k) / k if k > 0 else 0.0
        out[columns[j]] += (ones[j] - zeros[j]) * total * value

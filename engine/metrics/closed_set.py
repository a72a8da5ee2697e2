"""Closed-set identification: every query shows an enrolled class; is it ranked first?"""

from __future__ import annotations

import numpy as np

from ..decision.scores import Float64Array
from ..types import IntArray


def top_k(ranks: IntArray, k: int) -> float:
    """The share of queries whose own class is among the k nearest.

    Args:
        ranks: `(n,) int64`: the place of each query's own class, 1 for the nearest; 0 where it is
            not among those looked at.
    """
    return float(np.mean((ranks >= 1) & (ranks <= k)))


def class_weights(classes: IntArray) -> Float64Array:
    """`(n,)`: weights by which a mean over queries becomes a mean over classes.

    Args:
        classes: `(n,) int64`: the queries' own classes.
    """
    _, row, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    weights: Float64Array = 1.0 / sizes[row]
    return weights


def mean_per_class(ranks: IntArray, classes: IntArray) -> float:
    """Top-1 within each class, averaged over the classes, so that each counts the same.

    Args:
        ranks, classes: as for `top_k` and `class_weights`.
    """
    return float(np.average(ranks == 1, weights=class_weights(classes)))

"""Scores that can be compared between classes: adaptive symmetric score normalisation (AS-norm).

A similarity of 0.6 is much for a class that resembles nothing else and little for one with many
look-alikes; and much for a query that is far from everything, little for a nondescript one. AS-norm
(Matejka et al., "Analysis of Score Normalization in Multilingual Speaker Recognition", 2017)
measures a similarity `s` against the nearest impostors on both sides:

    z = ½ · (s − μ_class) / σ_class  +  ½ · (s − μ_query) / σ_query

where `μ, σ` are the mean and the standard deviation of the class's (the query's) similarities to
its `NEIGHBOURS` nearest others. The ranking of the classes stays by similarity.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.types import FloatArray

NEIGHBOURS = 50
"""How many nearest impostors the normalisation looks at."""

_TRUSTED = 10
_PRIOR_MEAN = 0.5
_PRIOR_STD = 0.1
_PRIOR_WEIGHT = 3.0
_LEAST_STD = 0.01

Float64Array = npt.NDArray[np.float64]


class Moments(NamedTuple):
    """`(n,) float64` each: mean and standard deviation of similarities to the nearest impostors."""

    means: Float64Array
    stds: Float64Array


def moments(similarities: FloatArray) -> Moments:
    """Mean and standard deviation of each row's `NEIGHBOURS` highest similarities.

    Where fewer than ten impostors are known, the estimate is drawn towards a mean of 0.5 and a
    deviation of 0.1, which stand for no knowledge at all. The deviation is never below 0.01.

    Args:
        similarities: `(n, m) float32`, to impostors, in any order; `-inf` is no impostor.
    """
    rows = similarities.astype(np.float64)
    if rows.shape[1] > NEIGHBOURS:
        rows = -np.partition(-rows, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
    there = np.isfinite(rows)
    count = there.sum(axis=1)
    values = np.where(there, rows, 0.0)
    weight = np.where(count < _TRUSTED, _PRIOR_WEIGHT, 0.0)
    total = count + weight
    means = (values.sum(axis=1) + weight * _PRIOR_MEAN) / total
    spread = np.where(there, (values - means[:, None]) ** 2, 0.0).sum(axis=1)
    prior_spread = weight * (_PRIOR_STD**2 + (_PRIOR_MEAN - means) ** 2)
    return Moments(means, np.maximum(np.sqrt((spread + prior_spread) / total), _LEAST_STD))


def normalized_scores(
    similarities: npt.ArrayLike, classes: Moments, queries: Moments
) -> Float64Array:
    """AS-norm of n similarities, each between a class and a query: `(n,) float64`."""
    s = np.asarray(similarities, np.float64)
    return 0.5 * ((s - classes.means) / classes.stds + (s - queries.means) / queries.stds)

"""Scores that can be compared between classes and between queries.

A similarity of 0.6 is much for a class that resembles nothing else and little for one with many
look-alikes; and much for a query that is far from everything, little for a nondescript one. So the
similarity `s` to the nearest class is measured against the nearest impostors on both sides:

    z = ½ · (s − μ_class) / σ_class  +  ½ · (s − μ_query + lead) / σ_query

`μ` is the mean of the class's (the query's) similarities to its `NEIGHBOURS` nearest others, `σ`
their standard deviation plus `SOFTENING`, and `lead` what `s` is ahead of the query's runner-up by.
Without lead and softening this is adaptive symmetric score normalisation (AS-norm; Matejka et al.,
"Analysis of Score Normalization in Multilingual Speaker Recognition", 2017); the two additions paid
on every kind of picture tried. Classes are ranked by similarity alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.types import FloatArray

NEIGHBOURS = 50
"""How many nearest impostors the normalisation looks at."""

SOFTENING = 0.05
"""Added to deviations, so that a handful of equally near impostors doesn't blow a score up."""

_TRUSTED = 10
_PRIOR_MEAN = 0.5
_PRIOR_STD = 0.1
_PRIOR_WEIGHT = 3.0

Float64Array = npt.NDArray[np.float64]


class Moments(NamedTuple):
    """`(n,) float64` each: mean and softened deviation of the similarities to nearest impostors."""

    means: Float64Array
    stds: Float64Array


def moments(similarities: FloatArray) -> Moments:
    """Mean and softened deviation of each row's `NEIGHBOURS` highest similarities.

    Where fewer than ten impostors are known, the estimate is drawn towards a mean of 0.5 and a
    deviation of 0.1, which stand for no knowledge at all.

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
    return Moments(means, np.sqrt((spread + prior_spread) / total) + SOFTENING)


def leads(similarities: npt.ArrayLike, impostors: FloatArray) -> Float64Array:
    """`(n,)`: what each similarity is ahead of its row's highest impostor by; 0 without one.

    Being ahead of a few says little: among fewer than ten impostors the lead counts in proportion.

    Args:
        similarities: `(n,)`, to the nearest class.
        impostors: `(n, m) float32`, to all others; `-inf` is no impostor.
    """
    s = np.asarray(similarities, np.float64)
    highest = impostors.max(axis=1, initial=-np.inf).astype(np.float64)
    known = np.isfinite(impostors).sum(axis=1)
    weight = np.minimum(known / _TRUSTED, 1.0)
    return np.where(known > 0, weight * (s - np.where(known > 0, highest, 0.0)), 0.0)


def normalized_scores(
    similarities: npt.ArrayLike, lead: npt.ArrayLike, classes: Moments, queries: Moments
) -> Float64Array:
    """`z` of n similarities, each between a class and a query: `(n,) float64`."""
    s = np.asarray(similarities, np.float64)
    class_side = (s - classes.means) / classes.stds
    query_side = (s - queries.means + np.asarray(lead, np.float64)) / queries.stds
    return 0.5 * (class_side + query_side)

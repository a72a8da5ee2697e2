"""Scores that can be compared between classes and between queries.

A similarity of 0.6 is much for a class that resembles nothing else and little for one with many
look-alikes; and much for a query that is far from everything, little for a nondescript one. So the
similarity `s` to the nearest class is measured against the nearest impostors on both sides, and
counts for itself besides:

    z = ⅓ · (s − μ_class) / σ_class  +  ⅔ · (s − μ_query + 2 · lead) / σ_query  +  6 · (s − ½)

`μ` is the mean of the class's (the query's) similarities to its `NEIGHBOURS` nearest others, `σ`
their standard deviation plus `SOFTENING`, and `lead` what `s` is ahead of the query's runner-up by.
The two fractions alone, weighing the same and without lead and softening, are adaptive symmetric
score normalisation (AS-norm; Matejka et al., "Analysis of Score Normalization in Multilingual
Speaker Recognition", 2017). The weights were chosen on 25 pairs of picture sets of six kinds, and
pay on nearly every one of them. Classes are ranked by similarity alone.
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

FORM = 2
"""Changes with the formula: scores of two forms can't be compared, nor levels taken from them."""

_QUERY_WEIGHT = 2 / 3
_LEAD_WEIGHT = 2.0
_SIMILARITY_WEIGHT = 6.0
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
    ahead = _LEAD_WEIGHT * np.asarray(lead, np.float64)
    query_side = (s - queries.means + ahead) / queries.stds
    normalized = (1 - _QUERY_WEIGHT) * class_side + _QUERY_WEIGHT * query_side
    scores: Float64Array = normalized + _SIMILARITY_WEIGHT * (s - _PRIOR_MEAN)
    return scores


def scores_against(
    similarities: npt.ArrayLike, rivals: FloatArray, classes: Moments, beside: FloatArray
) -> Float64Array:
    """`z` of n queries with one class each: `(n,) float64`.

    Args:
        similarities: `(n,)`, to that class.
        rivals: `(n, m) float32`, to what else the query may be; `-inf` is none.
        classes: that class's moments, `(n,)` each.
        beside: `(n, b) float32`, to further impostors, which it needn't be ahead of.
    """
    impostors = np.concatenate([rivals, beside], axis=1)
    return normalized_scores(similarities, leads(similarities, rivals), classes, moments(impostors))

"""Scores that can be compared between classes and between queries.

A similarity of 0.6 is much for a query that is far from everything and little for a nondescript
one. So the similarity `s` to the nearest class is measured against what else the query is similar
to, and against what is similar to the class:

    z = (s − μ_query + 2 · lead) / σ_query  +  ⅕ · (s − μ_class) / σ_class

`μ` is the mean of the query's (the class's) similarities to its `NEIGHBOURS` nearest others, `σ`
their standard deviation plus `SOFTENING`, and `lead` what `s` is ahead of the runner-up by. Without
lead and softening, and with equal weights, that is adaptive symmetric score normalisation (AS-norm;
Matejka et al., "Analysis of Score Normalization in Multilingual Speaker Recognition", 2017).

The query's side counts most since it means the same wherever the queries come from: photographs are
less similar to a catalog's pictures than these are to each other, but as much to the first class as
to the fiftieth. So what strangers reach in one domain says what they reach in another, which a
calibration lives on; a similarity by itself doesn't. The weights were chosen on seven pairs of
picture sets for that. Classes are ranked by similarity alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..types import FloatArray

NEIGHBOURS = 50
"""How many nearest impostors the normalisation looks at."""

SOFTENING = 0.05
"""Added to deviations, so that a handful of equally near impostors doesn't blow a score up."""

FORM = 3
"""Changes with the formula: scores of two forms can't be compared, nor levels taken from them."""

_CLASS_WEIGHT = 0.2
_LEAD_WEIGHT = 2.0
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


def leads(similarities: npt.ArrayLike, runners_up: FloatArray, shipped: FloatArray) -> Float64Array:
    """`(n,)`: what each similarity is ahead of the runner-up by.

    Where no other class is, the nearest shipped picture stands for it, and where that is missing
    as well, a similarity of 0.5.

    Args:
        similarities: `(n,)`, to the nearest class.
        runners_up: `(n, m) float32`, to the other classes; `-inf` is none.
        shipped: `(n, k) float32`, to the shipped pictures.
    """
    s = np.asarray(similarities, np.float64)
    highest = runners_up.max(axis=1, initial=-np.inf).astype(np.float64)
    instead = shipped.max(axis=1, initial=-np.inf).astype(np.float64)
    highest = np.where(np.isfinite(highest), highest, instead)
    found: Float64Array = s - np.where(np.isfinite(highest), highest, _PRIOR_MEAN)
    return found


def normalized_scores(
    similarities: npt.ArrayLike, lead: npt.ArrayLike, classes: Moments, queries: Moments
) -> Float64Array:
    """`z` of n similarities, each between a class and a query: `(n,) float64`."""
    s = np.asarray(similarities, np.float64)
    ahead = _LEAD_WEIGHT * np.asarray(lead, np.float64)
    query_side = (s - queries.means + ahead) / queries.stds
    class_side = (s - classes.means) / classes.stds
    scores: Float64Array = query_side + _CLASS_WEIGHT * class_side
    return scores


def scores_against(
    similarities: npt.ArrayLike,
    runners_up: FloatArray,
    shipped: FloatArray,
    classes: Moments,
    beside: FloatArray,
) -> Float64Array:
    """`z` of n queries with one class each: `(n,) float64`.

    Args:
        similarities: `(n,)`, to that class.
        runners_up: `(n, m) float32`, to the other classes; `-inf` is none.
        shipped: `(n, k) float32`, to the shipped pictures that stand for impostors besides.
        classes: that class's moments, `(n,)` each.
        beside: `(n, b) float32`, to further impostors, which it needn't be ahead of.
    """
    around = moments(np.concatenate([runners_up, shipped, beside], axis=1))
    return normalized_scores(
        similarities, leads(similarities, runners_up, shipped), classes, around
    )

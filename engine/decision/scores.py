"""Scores that can be compared between classes and between queries.

A similarity of 0.6 is much for a query that is far from everything and little for a nondescript
one. So the similarity `s` to the nearest class is measured against what else the query is similar
to, and against what is similar to the class:

    z = (s − μ_query + 2 · lead) / σ_query  +  ⅕ · (s − μ_class) / σ_class

`μ` is the mean of the query's (the class's) similarities to its `NEIGHBOURS` nearest others, `σ`
their standard deviation plus a softening, and `lead` what `s` is ahead of the runner-up by. Without
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

FORM = 3
"""Changes with the formula: scores of two forms can't be compared, nor levels taken from them."""

_CLASS_WEIGHT = 0.2
_LEAD_WEIGHT = 2.0
_TRUSTED = 10
_PRIOR_WEIGHT = 3.0

Float64Array = npt.NDArray[np.float64]


class Scale(NamedTuple):
    """How the similarities of one kind of examples with pictures lie.

    Attributes:
        mean, std: what stands for no knowledge at all; not-a-number where nothing does.
        softening: added to deviations, so that a handful of equally near impostors doesn't blow a
            score up.
    """

    mean: float
    std: float
    softening: float


PICTURES = Scale(0.5, 0.1, 0.05)

TEXTS = Scale(np.nan, np.nan, 0.01)
"""A hundredth is what models of pictures and texts are trained to tell texts apart by, whatever
their cosines lie around: their softmax takes a hundred times the cosine."""


class Moments(NamedTuple):
    """`(n,) float64` each: mean and softened deviation of the similarities to nearest impostors."""

    means: Float64Array
    stds: Float64Array


def moments(similarities: FloatArray, scale: Scale = PICTURES) -> Moments:
    """Mean and softened deviation of each row's `NEIGHBOURS` highest similarities.

    Where fewer than ten impostors are known, the estimate is drawn towards what the scale says of
    no knowledge at all, or not-a-number where it says nothing.

    Args:
        similarities: `(n, m) float32`, to impostors, in any order; `-inf` is no impostor.
    """
    rows = similarities.astype(np.float64)
    if rows.shape[1] > NEIGHBOURS:
        rows = -np.partition(-rows, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
    there = np.isfinite(rows)
    if rows.shape[1] >= _TRUSTED and there.all():  # as below, in half the time
        means = rows.sum(axis=1) / rows.shape[1]
        spread = ((rows - means[:, None]) ** 2).sum(axis=1)
        return Moments(means, np.sqrt(spread / rows.shape[1]) + scale.softening)
    count = there.sum(axis=1)
    values = np.where(there, rows, 0.0)
    weight = np.where(count < _TRUSTED, _PRIOR_WEIGHT, 0.0)
    total = count + weight
    drawn = weight > 0
    means = (values.sum(axis=1) + np.where(drawn, weight * scale.mean, 0.0)) / total
    spread = np.where(there, (values - means[:, None]) ** 2, 0.0).sum(axis=1)
    prior_spread = np.where(drawn, weight * (scale.std**2 + (scale.mean - means) ** 2), 0.0)
    return Moments(means, np.sqrt((spread + prior_spread) / total) + scale.softening)


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
    found: Float64Array = s - np.where(np.isfinite(highest), highest, PICTURES.mean)
    return found


def normalized_scores(
    similarities: npt.ArrayLike, lead: npt.ArrayLike, classes: Moments, queries: Moments
) -> Float64Array:
    """`z` of n similarities, each between a class and a query: `(n,) float64`.

    Where nothing is known of a class (not-a-number), the query's moments stand for it.
    """
    s = np.asarray(similarities, np.float64)
    ahead = _LEAD_WEIGHT * np.asarray(lead, np.float64)
    query_side = (s - queries.means + ahead) / queries.stds
    unknown = np.isnan(classes.means)
    means = np.where(unknown, queries.means, classes.means)
    class_side = (s - means) / np.where(unknown, queries.stds, classes.stds)
    scores: Float64Array = query_side + _CLASS_WEIGHT * class_side
    return scores


def scores_against(
    similarities: npt.ArrayLike,
    runners_up: FloatArray,
    shipped: FloatArray,
    classes: Moments,
    beside: FloatArray,
    scale: Scale = PICTURES,
) -> Float64Array:
    """`z` of n queries with one class each: `(n,) float64`.

    Args:
        similarities: `(n,)`, to that class.
        runners_up: `(n, m) float32`, to the other classes; `-inf` is none.
        shipped: `(n, k) float32`, to the shipped pictures that stand for impostors besides.
        classes: that class's moments, `(n,)` each.
        beside: `(n, b) float32`, to further impostors, which it needn't be ahead of.
        scale: of all of them.
    """
    around = moments(np.concatenate([runners_up, shipped, beside], axis=1), scale)
    return normalized_scores(
        similarities, leads(similarities, runners_up, shipped), classes, around
    )

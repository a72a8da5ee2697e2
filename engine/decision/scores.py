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

import math
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
    """Mean and softened deviation of the similarities to the nearest impostors."""

    mean: float
    std: float


def highest(similarities: FloatArray) -> list[list[float]]:
    """The `NEIGHBOURS` highest of each row `(n, m) float32`, in any order; the rows are mixed up.

    Where an impostor is missing, that is `-inf`.
    """
    more = similarities.shape[1] - NEIGHBOURS
    if more > 0:
        similarities.partition(more, axis=1)
    found: list[list[float]] = similarities[:, max(0, more) :].tolist()
    return found


def moments(similarities: list[float], scale: Scale = PICTURES) -> Moments:
    """Mean and softened deviation of the `NEIGHBOURS` highest similarities to impostors.

    Where fewer than ten impostors are known, the estimate is drawn towards what the scale says of
    no knowledge at all, or not-a-number where it says nothing.

    Args:
        similarities: in any order; `-inf` is no impostor.
    """
    total = sum(similarities)
    if total == -math.inf:
        similarities = [s for s in similarities if s > -math.inf]
        total = sum(similarities)
    if len(similarities) > NEIGHBOURS:
        similarities = sorted(similarities)[-NEIGHBOURS:]
        total = sum(similarities)
    count = len(similarities)
    if count >= _TRUSTED:
        mean = total / count
        deviation = math.dist(similarities, [mean] * count) / math.sqrt(count)
        return Moments(mean, deviation + scale.softening)
    weight = count + _PRIOR_WEIGHT
    mean = (total + _PRIOR_WEIGHT * scale.mean) / weight
    spread = math.dist(similarities, [mean] * count) ** 2
    spread += _PRIOR_WEIGHT * (scale.std**2 + (scale.mean - mean) ** 2)
    return Moments(mean, math.sqrt(spread / weight) + scale.softening)


def normalized(similarity: float, lead: float, of_class: Moments, of_query: Moments) -> float:
    """`z` of a similarity between a class and a query.

    Args:
        of_class: not-a-number where nothing is known of it; the query's stand for it then.
    """
    mean, std = of_query
    class_mean, class_std = of_query if math.isnan(of_class.mean) else of_class
    query_side = (similarity - mean + _LEAD_WEIGHT * lead) / std
    return query_side + _CLASS_WEIGHT * (similarity - class_mean) / class_std


def normalized_first(
    similarities: list[float],
    of_class: Moments,
    shipped: list[float],
    beside: list[float],
    scale: Scale = PICTURES,
) -> float:
    """`z` of a query with the class ranked first.

    Where there is no other class for it to be ahead of, the nearest shipped picture stands for one,
    and where that is missing as well, a similarity of 0.5.

    Args:
        similarities: to the first class, then to the others.
        of_class: the first class's moments.
        shipped: to the shipped pictures that stand for impostors besides; `-inf` is none.
        beside: to further impostors, which the first needn't be ahead of.
        scale: of all of them.
    """
    first, others = similarities[0], similarities[1:]
    rival = max(others or shipped, default=-math.inf)
    lead = first - (rival if rival > -math.inf else PICTURES.mean)
    return normalized(first, lead, of_class, moments(others + shipped + beside, scale))

"""Whether probabilities mean what they say: of all pairs called 80 % likely, are 80 % genuine?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..decision.scores import Float64Array
from ..types import BoolArray, IntArray

BINS = 10


class Reliability(NamedTuple):
    """The bins of [0, 1] that any probability fell into, `(b,)` each.

    Attributes:
        told: the mean probability told.
        true: the share that was true.
        counts: how many there were.
    """

    told: Float64Array
    true: Float64Array
    counts: IntArray


def reliability(told: Float64Array, true: BoolArray, bins: int = BINS) -> Reliability:
    """The reliability curve over bins of equal width (DeGroot and Fienberg 1983).

    Args:
        told: `(n,)` probabilities.
        true: `(n,)`: what was the case.
    """
    place = np.minimum((told * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    there = counts > 0
    sums = (np.bincount(place, weights, minlength=bins)[there] for weights in (told, true))
    mean_told, mean_true = (total / counts[there] for total in sums)
    return Reliability(mean_told, mean_true, counts[there])


def expected_calibration_error(told: Float64Array, true: BoolArray, bins: int = BINS) -> float:
    """How far told and true are apart, on average over the pairs (Naeini et al. 2015)."""
    curve = reliability(told, true, bins)
    return float(np.average(np.abs(curve.told - curve.true), weights=curve.counts))

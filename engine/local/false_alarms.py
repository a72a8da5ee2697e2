"""How surprising it is that so many matches agree: a-contrario detection.

The number of false alarms of a map (Moisan and Stival 2004; Rabin, Delon and Gousseau 2008) is how
many maps at least as good would be expected among everything that was tried, had each matched point
fallen on any of the query's points instead. Below 1 it is already unlikely to be chance; told here
as its decimal logarithm, so −10 is once in ten thousand million. With n matches, k of them within r
of where the map puts them, n proposals and the radii tried:

    log NFA = log(proposals) + log(radii) + log C(n, k) + (k − s) · log p(r)

`s` is the number of pairs that a homography takes for itself, and `p(r)` the probability that a
point of the query lies within r of another of its points: points crowd, so the share of the area
would promise too much. Whoever tries several enrolled pictures multiplies by their number.
"""

from __future__ import annotations

import math

import numpy as np

from ..types import FloatArray
from .geometry import Float64Array

RADII = (1.5, 3.0, 6.0)
SAMPLE = 4
_POINTS_MEASURED = 400


class Crowding:
    """How likely a point of a query lies near another of its points, by `RADII`.

    Args:
        places: `(n, 2) float32`: the query's points, in its view.
        area: of the view.
    """

    def __init__(self, places: FloatArray, area: float) -> None:
        step = max(1, len(places) // _POINTS_MEASURED)
        some = places[::step].astype(np.float64)
        at = some[:, 0] + 1j * some[:, 1]
        apart = np.abs(at[:, None] - at[None])
        n = len(some)
        shares = []
        for radius in RADII:
            near = (np.count_nonzero(apart < radius) - n) / max(1, n * (n - 1))
            shares.append(min(1.0, max(near, math.pi * radius**2 / area)))
        self.logarithms = [math.log10(share) for share in shares]


def log_false_alarms(off: Float64Array, crowding: Crowding) -> tuple[float, float]:
    """The least decimal logarithm of the number of false alarms, and the radius that gives it.

    Args:
        off: `(n,)`: the residuals of all matches under one map; infinite for those that count as
            disagreeing however near they are.
    """
    n = len(off)
    best, at = math.inf, RADII[-1]
    for radius, log_share in zip(RADII, crowding.logarithms, strict=True):
        agree = int(np.count_nonzero(off < radius))
        if agree <= SAMPLE:
            continue
        found = math.log10(n) + math.log10(len(RADII)) + _log_choose(n, agree)
        found += (agree - SAMPLE) * log_share
        if found < best:
            best, at = found, radius
    return best, at


def _log_choose(n: int, k: int) -> float:
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return ways / math.log(10)

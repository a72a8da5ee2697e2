"""What share of strangers scores how high: one curve from several samples of stranger scores.

A sample of n says that its i-th highest score is reached by `i / (n + 1)` of further strangers
(split conformal prediction, Vovk et al. 2005), with the logarithm of the share linear in between.
Its highest few are noise: from the `_EMPIRICAL`-th highest on, the curve is the exponential whose
mean excess that of the highest tenth is (the generalised Pareto distribution with shape 0; Coles
2001, section 4).

Samples from different domains count by weights, whatever their sizes: strangers of either kind may
come. And few strangers say little about the highest of them, so there is a *prior*, which is how
strangers of many kinds of pictures scatter, and counts for `PRIOR_WITNESSES` left-out classes or
strangers given: of twenty of these without it, a target of 1 % let in 2 % over 23 kinds of
pictures, since what too low a threshold lets in is more than what too high a one keeps out. Its
middle is the gallery's own, which a handful of classes tell already: pictures of one sort,
such as playing cards, lie far nearer to each other than pictures of many, so half of the prior
stay below the mean of the samples' medians and a little more, real strangers being a little nearer
than played ones. Above that its scores are exponential, with a wider tail where the middle is high
and where there are few classes, one of which is easily far ahead of the others. Middle and tail
were read off strangers of fourteen pairs of picture sets, and so was what the prior counts for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .scores import Float64Array

PRIOR_WITNESSES = 10.0
"""So many independent strangers the prior counts for."""

LEAST_SAMPLE = 5
"""A smaller sample gives no curve."""

_UNKNOWN_MEDIAN = 2.0
"""The prior's, where no sample tells of one."""

_NEARER = 0.3
_PRIOR_MEAN_EXCESS = 1.3
_WIDER_AMONG_FEW = 2.5
_FEW = 4
_WIDER_WHERE_HIGH = 0.1
_EMPIRICAL = 5
_TAIL_SHARE = 0.1
_MOST = 0.95
_LEAST_EXCESS = 1e-6
_BEYOND = np.geomspace(0.05, 60, 60)


class StrangerCurve:
    """The share of strangers that reach a score, strictly falling and invertible."""

    def __init__(
        self,
        samples: Sequence[Float64Array],
        weights: Sequence[float] = (),
        *,
        prior_share: float = 0.0,
        classes: int = 0,
    ) -> None:
        """The curve of samples of stranger scores.

        Args:
            samples: each ascending; too small ones are passed over.
            weights: what each counts for; all the same, where there are none.
            prior_share: the weight of the prior, in [0, 1]; it stands alone where there is nothing
                else.
            classes: how many the gallery had.
        """
        counted = zip(samples, weights or [1.0] * len(samples), strict=True)
        shares_of = [(s, weight) for s, weight in counted if s.size >= LEAST_SAMPLE]
        known = [sample for sample, _ in shares_of]
        total = sum(weight for _, weight in shares_of)
        prior_share = prior_share if known else 1.0
        median = _prior_median(known)
        tail = _prior_tail(median, classes)
        knots = np.concatenate([*known, median + tail * _BEYOND])
        ends = [sample[-1] + _mean_excess(sample) * _BEYOND for sample in known]
        knots = np.unique(np.concatenate([knots, *ends]))
        shares = np.zeros(knots.size)
        for sample, weight in shares_of:
            shares += (1 - prior_share) * weight / total * _shares(sample, knots)
        if prior_share:
            shares += prior_share * _prior(knots, median, tail)
        logarithms = np.log(np.maximum(shares, np.finfo(np.float64).tiny))
        falling = np.concatenate([[True], np.diff(np.minimum.accumulate(logarithms)) < 0])
        self._scores, self._logarithms = knots[falling], logarithms[falling]

    def share(self, score: float) -> float:
        """What share of strangers reaches a score, in (0, 1); 1 for not-a-number."""
        if math.isnan(score):
            return 1.0
        return math.exp(float(np.interp(score, self._scores, self._logarithms)))

    def score(self, share: float) -> float:
        """The score that a share of strangers reaches; the inverse of `share`."""
        return float(np.interp(-math.log(share), -self._logarithms, self._scores))


def _prior_median(samples: Sequence[Float64Array]) -> float:
    if not samples:
        return _UNKNOWN_MEDIAN
    return _NEARER + float(np.mean([np.median(sample) for sample in samples]))


def _prior_tail(median: float, classes: int) -> float:
    """The mean excess over the median."""
    tail = _PRIOR_MEAN_EXCESS * (1 + _WIDER_AMONG_FEW / max(classes, _FEW))
    return max(tail + _WIDER_WHERE_HIGH * (median - _UNKNOWN_MEDIAN), tail / 2)


def _prior(scores: Float64Array, median: float, tail: float) -> Float64Array:
    shares: Float64Array = np.minimum(_MOST, 0.5 * np.exp((median - scores) / tail))
    return shares


def _shares(sample: Float64Array, scores: Float64Array) -> Float64Array:
    n = sample.size
    highest = min(_EMPIRICAL, n)
    body, first = np.unique(sample[: n - highest + 1], return_index=True)
    logarithms = np.log((n - first) / (n + 1))
    found = np.interp(scores, body, logarithms)
    beyond = logarithms[-1] - (scores - body[-1]) / _mean_excess(sample)
    shares: Float64Array = np.exp(np.where(scores > body[-1], beyond, found))
    return shares


def _mean_excess(sample: Float64Array) -> float:
    n = sample.size
    tail = min(max(_EMPIRICAL, math.ceil(_TAIL_SHARE * n)), n - 1)
    excess = float(np.mean(sample[n - tail :] - sample[n - tail - 1]))
    return max(excess, _LEAST_EXCESS)

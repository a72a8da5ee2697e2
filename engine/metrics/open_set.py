"""Open-set identification: some queries show a class that is enrolled, others are strangers.

After ISO/IEC 19795-1 and NIST FRTE 1:N. A stranger is a false positive if its score reaches the
threshold; a known query is identified if its own class is ranked first *and* the score reaches the
threshold. FPIR is the share of strangers that are false positives, FNIR that of known queries that
are not identified; TPIR = 1 - FNIR.

Scores are `(n,) float64`, higher is better; a score at the threshold is accepted.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..decision.scores import Float64Array
from ..types import BoolArray

STRANGERS_PER_FALSE_POSITIVE = 3.0
"""The rule of three: so many strangers are needed for each one an FPIR would let through."""


class Curve(NamedTuple):
    """Two error rates or shares at every threshold that tells queries apart, the lowest first."""

    x: Float64Array
    y: Float64Array


def strangers_needed(fpir: float) -> int:
    """The fewest strangers that can show an FPIR."""
    return math.ceil(STRANGERS_PER_FALSE_POSITIVE / fpir - 1e-9)


def threshold_at_fpir(strangers: Float64Array, fpir: float) -> float:
    """The least threshold that no more than that share of the strangers reaches."""
    allowed = math.floor(fpir * strangers.size + 1e-9)
    if allowed >= strangers.size:
        return -math.inf
    highest_refused = np.partition(strangers, -1 - allowed)[-1 - allowed]
    return float(np.nextafter(highest_refused, np.inf))


def fnir_at_fpir(
    scores: Float64Array, correct: BoolArray, strangers: Float64Array, fpir: float
) -> float:
    """FNIR at the least threshold that holds an FPIR.

    Args:
        scores: `(n,)`, of the known queries.
        correct: `(n,)`: whether a known query's own class is ranked first.
        strangers: `(m,)`, the strangers' scores.
        fpir: in (0, 1).
    """
    threshold = threshold_at_fpir(strangers, fpir)
    return 1.0 - float(np.mean(correct & (scores >= threshold)))


def det(scores: Float64Array, correct: BoolArray, strangers: Float64Array) -> Curve:
    """The detection error trade-off: FPIR (x) against FNIR (y); arguments as for `fnir_at_fpir`."""
    thresholds = _thresholds(scores, strangers)
    return Curve(
        _share_reaching(strangers, thresholds, strangers.size),
        1.0 - _share_reaching(scores[correct], thresholds, scores.size),
    )


def oscr_curve(scores: Float64Array, correct: BoolArray, strangers: Float64Array) -> Curve:
    """FPIR (x) against the share of known queries classified right and accepted (y).

    Dhamija, Günther and Boult, *Reducing network agnostophobia*, 2018.
    """
    fpir, fnir = det(scores, correct, strangers)
    return Curve(fpir, 1.0 - fnir)


def oscr(scores: Float64Array, correct: BoolArray, strangers: Float64Array) -> float:
    """The area under `oscr_curve`: AUROC in which a wrongly named query never wins."""
    return _wins(scores[correct], strangers) / (scores.size * strangers.size)


def auroc(scores: Float64Array, strangers: Float64Array) -> float:
    """How probably a known query scores higher than a stranger; a tie counts half."""
    return _wins(scores, strangers) / (scores.size * strangers.size)


def fpr_at_tpr(scores: Float64Array, strangers: Float64Array, tpr: float = 0.95) -> float:
    """The share of strangers accepted where that share of known queries is, named right or not."""
    rank = math.ceil(tpr * scores.size - 1e-9)
    threshold = np.sort(scores)[::-1][rank - 1]
    return float(np.mean(strangers >= threshold))


def _wins(scores: Float64Array, strangers: Float64Array) -> float:
    """In how many pairs the first side is the higher; a tie counts half."""
    ordered = np.sort(strangers)
    below = np.searchsorted(ordered, scores, "left")
    not_above = np.searchsorted(ordered, scores, "right")
    return float((below + not_above).sum()) / 2.0


def _thresholds(scores: Float64Array, strangers: Float64Array) -> Float64Array:
    """Every distinct score, ascending, and one beyond them all."""
    return np.append(np.unique(np.concatenate([scores, strangers])), np.inf)


def _share_reaching(
    scores: Float64Array, thresholds: Float64Array, total: int
) -> npt.NDArray[np.float64]:
    ordered = np.sort(scores)
    return (ordered.size - np.searchsorted(ordered, thresholds, "left")) / max(1, total)

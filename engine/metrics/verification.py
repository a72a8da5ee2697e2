"""1:1 verification: do two pictures show the same class? Genuine pairs against impostor pairs.

Scores are `(n,) float64`, higher is better; a score at the threshold is accepted. FAR is the share
of impostor pairs that are accepted, FRR that of genuine pairs that are not.
"""

from __future__ import annotations

import numpy as np

from ..decision.scores import Float64Array
from ..types import BoolArray, IntArray
from .open_set import Curve

FOLDS = 10


def roc(genuine: Float64Array, impostors: Float64Array) -> Curve:
    """FAR (x) against 1 - FRR (y), from the strictest threshold to the laxest."""
    thresholds = np.append(np.unique(np.concatenate([genuine, impostors])), np.inf)[::-1]
    return Curve(_share_reaching(impostors, thresholds), _share_reaching(genuine, thresholds))


def equal_error_rate(genuine: Float64Array, impostors: Float64Array) -> float:
    """Where FAR equals FRR, on straight lines between the points of the ROC curve."""
    far, tar = roc(genuine, impostors)
    excess = far + tar - 1.0  # FAR - FRR: rises from -1 to 1
    after = int(np.argmax(excess >= 0.0))
    before = after - 1
    weight = -excess[before] / (excess[after] - excess[before])
    return float(far[before] + weight * (far[after] - far[before]))


def balanced_verdicts(
    genuine: Float64Array, impostors: Float64Array, folds: IntArray
) -> tuple[BoolArray, BoolArray]:
    """Which pairs are judged right, by a threshold that was chosen on other pairs.

    Each fold is judged by the threshold of the highest accuracy on the remaining ones, as in the
    protocol of *Labeled Faces in the Wild* (Huang et al. 2007).

    Args:
        genuine, impostors: `(n,)` each, so that both kinds are equally many.
        folds: `(n,) int64`: the fold that the n-th pair of either kind belongs to; two at least.
    """
    genuine_right = np.zeros(genuine.size, np.bool_)
    impostors_right = np.zeros(impostors.size, np.bool_)
    for fold in np.unique(folds):
        judged = folds == fold
        threshold = _best_threshold(genuine[~judged], impostors[~judged])
        genuine_right[judged] = genuine[judged] >= threshold
        impostors_right[judged] = impostors[judged] < threshold
    return genuine_right, impostors_right


def _best_threshold(genuine: Float64Array, impostors: Float64Array) -> float:
    """Midway between the two scores around the most accurate cut."""
    scores = np.unique(np.concatenate([genuine, impostors]))
    cuts = np.concatenate([[scores[0] - 1.0], (scores[1:] + scores[:-1]) / 2, [scores[-1] + 1.0]])
    right = _share_reaching(genuine, cuts) - _share_reaching(impostors, cuts)
    return float(cuts[np.argmax(right)])


def _share_reaching(scores: Float64Array, thresholds: Float64Array) -> Float64Array:
    ordered = np.sort(scores)
    share: Float64Array = 1.0 - np.searchsorted(ordered, thresholds, "left") / ordered.size
    return share

"""1:1 comparison: whether two pictures show the same class, by what impostor pairs look like."""

from __future__ import annotations

import numpy as np

from ...decision.trained_head import TARGET_FAR
from ...types import FloatArray, Verification
from ..snapshot import Snapshot

_LEAST_PICTURES = 8
_COMPARED = 512


def verify_embeddings(snapshot: Snapshot, first: FloatArray, second: FloatArray) -> Verification:
    """Compare two unit vectors `(dim,) float32` of the searched space.

    With a Siamese head in force, its probability is compared with the one that `TARGET_FAR` of the
    pairs of different classes reached on classes the head had not seen. Without one, the similarity
    is compared with the one that `TARGET_FAR` of the pairs of different classes in the gallery's
    cohort reach; there is no threshold where the cohort has fewer than eight pictures.
    """
    similarity = float(np.clip(first @ second, -1.0, 1.0))
    if snapshot.head is not None:
        [probability] = snapshot.head.siamese.probability(first, second).tolist()
        least = snapshot.head.least_probability
        return Verification(similarity, least, probability >= least, probability)
    threshold = pair_threshold(snapshot)
    same = None if threshold is None else similarity >= threshold
    return Verification(similarity, threshold, same)


def pair_threshold(snapshot: Snapshot, far: float = TARGET_FAR) -> float | None:
    """The similarity that a share of the pairs of different classes reach, or None; see above."""
    cohort = snapshot.cohort
    if len(cohort) < _LEAST_PICTURES:
        return None
    rows = np.unique(np.linspace(0, len(cohort) - 1, _COMPARED).astype(np.int64))
    vectors, classes = cohort.vectors[rows], cohort.class_ids[rows]
    first, second = np.triu_indices(rows.size, k=1)
    impostors = (classes[first] != classes[second]) | (classes[first] < 0)
    similarities = (vectors @ vectors.T)[first[impostors], second[impostors]]
    return float(np.quantile(similarities, 1.0 - far)) if similarities.size else None

"""1:1 comparison: whether two pictures show the same class, by what impostor pairs look like, and
by local features that surely find one picture in the other.
"""

from __future__ import annotations

import numpy as np

from ...decision.trained_head import TARGET_FAR
from ...features import Features, embeddings_of
from ...local import CodedFeatures, LocalQuery, find
from ...types import FloatArray, Location, Verification
from ..snapshot import Snapshot
from .decisions import located
from .joint import WEIGHT, bonus_of

_LEAST_PICTURES = 8
_COMPARED = 512

SURELY = WEIGHT / 2
"""A bonus that says by itself that one picture shows what the other does; chance gives it once in
ten thousand pairs at most, and a mark that is a smaller part of both doesn't."""


def verify_features(snapshot: Snapshot, first: Features, second: Features) -> Verification:
    """Compare two pictures by all evidence."""
    vectors = embeddings_of([first, second], snapshot.space.dimension)
    queries = snapshot.projection.apply_queries(vectors)
    told = verify_embeddings(snapshot, queries[0], queries[1])
    return told.with_found(*in_each_other(first, second))


def in_each_other(first: Features, second: Features) -> tuple[Location | None, Location | None]:
    """Where the first picture lies in the second, and the second in the first, if surely so."""
    if first.view is None or second.view is None:
        return None, None
    one, other = first.view.query(), second.view.query()
    there, back = _found(one, other), _found(other, one)
    return (
        there and there.moved(*second.facts.corner),
        back and back.moved(*first.facts.corner),
    )


def _found(thing: LocalQuery, picture: LocalQuery) -> Location | None:
    match = find(picture, CodedFeatures.of(thing.features))
    return located(match) if match is not None and bonus_of(match, 2) >= SURELY else None


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

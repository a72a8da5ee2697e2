"""What the page asks about classes, gathered from a snapshot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..gallery import Snapshot
from ..gallery.deciding.decisions import excesses
from ..gallery.deciding.left_out import rank_without_own
from ..gallery.deciding.near_duplicates import NEAR_DUPLICATE_SIMILARITY
from .schemas import NeighbourOut

NEIGHBOURS = 6


def first_examples(snapshot: Snapshot, class_ids: Sequence[int]) -> dict[int, int]:
    """The oldest example of each class, by class id."""
    if not class_ids:
        return {}
    example_ids, owners = snapshot.examples.examples_of(np.unique(np.array(class_ids, np.int64)))
    first: dict[int, int] = {}
    for example_id, class_id in zip(example_ids.tolist(), owners.tolist(), strict=True):
        first.setdefault(class_id, example_id)
    return first


def neighbours(snapshot: Snapshot, class_id: int) -> list[NeighbourOut]:
    """The classes nearest to a class, most similar first.

    One is confusable if it would be given this class's name, were it not enrolled itself, or if it
    is as near as two copies of one picture.
    """
    example_ids, _ = snapshot.examples.examples_of(np.array([class_id], np.int64))
    if not example_ids.size:
        return []
    best: dict[int, tuple[float, int]] = {}
    for ranking in snapshot.rank(snapshot.index.vectors(example_ids), NEIGHBOURS + 1):
        for candidate in snapshot.candidates(ranking):
            known = best.get(candidate.class_id, (-2.0, 0))
            best[candidate.class_id] = max(known, (candidate.similarity, candidate.example_id))
    best.pop(class_id, None)
    labels = snapshot.labels
    nearest = sorted(best.items(), key=lambda entry: -entry[1][0])[:NEIGHBOURS]
    shown = [(other, *found) for other, found in nearest if other in labels]
    taken = _taken_for(snapshot, class_id, [(other, example_id) for other, _, example_id in shown])
    return [
        NeighbourOut(
            class_id=other,
            label=labels[other],
            similarity=similarity,
            example_id=example_id,
            confusable=mistaken or similarity >= NEAR_DUPLICATE_SIMILARITY,
        )
        for (other, similarity, example_id), mistaken in zip(shown, taken, strict=True)
    ]


def _taken_for(snapshot: Snapshot, class_id: int, others: Sequence[tuple[int, int]]) -> list[bool]:
    """Whether each example of another class would be given this class's name, were its own gone.

    Args:
        others: class and example ids.
    """
    if not others:
        return []
    own, examples = np.array(others, np.int64).T
    vectors = snapshot.index.vectors(examples)
    rankings = rank_without_own(snapshot, vectors, own)
    passed = excesses(snapshot, vectors, rankings) >= 0
    return [
        bool(accepted) and len(ranking) > 0 and int(ranking.class_ids[0]) == class_id
        for ranking, accepted in zip(rankings, passed, strict=True)
    ]

"""What the page asks about classes, gathered from the catalog and the view."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from engine.gallery import View, class_thresholds
from engine.server.schemas import NeighbourOut

NEIGHBOURS = 6


def first_examples(view: View, class_ids: Sequence[int]) -> dict[int, int]:
    """The oldest example of each class, by class id."""
    if not class_ids:
        return {}
    example_ids, owners = view.table.examples_of(np.unique(np.array(class_ids, np.int64)))
    first: dict[int, int] = {}
    for example_id, class_id in zip(example_ids.tolist(), owners.tolist(), strict=True):
        first.setdefault(class_id, example_id)
    return first


def threshold_of(view: View, class_id: int) -> float | None:
    """The least score at which a class accepts a query now; None if it never had an example."""
    threshold = class_thresholds(view, [class_id])[class_id]
    return None if math.isnan(threshold) else threshold


def neighbours(view: View, class_id: int, threshold: float | None) -> list[NeighbourOut]:
    """The classes nearest to a class, most similar first."""
    example_ids, _ = view.table.examples_of(np.array([class_id], np.int64))
    if not example_ids.size:
        return []
    best: dict[int, tuple[float, int]] = {}
    for ranking in view.rank(view.index.vectors(example_ids), NEIGHBOURS + 1):
        for candidate in view.candidates(ranking):
            known = best.get(candidate.class_id, (-2.0, 0))
            best[candidate.class_id] = max(known, (candidate.similarity, candidate.example_id))
    best.pop(class_id, None)
    labels = view.table.labels
    nearest = sorted(best.items(), key=lambda entry: -entry[1][0])[:NEIGHBOURS]
    return [
        NeighbourOut(
            class_id=other,
            label=labels[other],
            similarity=similarity,
            example_id=example_id,
            confusable=threshold is not None and similarity >= threshold,
        )
        for other, (similarity, example_id) in nearest
        if other in labels
    ]

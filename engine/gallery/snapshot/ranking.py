"""Classes ranked by similarity: the best example of each class, from a search over examples."""

from __future__ import annotations

import numpy as np

from ...indexes import VectorReader
from ...types import FloatArray, Ranking
from .examples import NO_CLASS, ExampleTable


def rank(
    index: VectorReader, examples: ExampleTable, classes: int, queries: FloatArray, k: int
) -> list[Ranking]:
    """The k nearest classes of each query.

    The search asks for k examples and, where several of them share a class, for more. What it finds
    and the table doesn't know is passed over: an index that lies elsewhere may be ahead.

    Args:
        classes: how many there are.
        queries: `(m, dim) float32`, unit rows.
    """
    size = len(index)
    if not size:
        empty = Ranking(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
        return [empty] * queries.shape[0]
    wanted = min(k, classes)
    asked = min(k, size)
    while True:
        similarities, example_ids = index.search(queries, asked)
        class_ids = examples.classes_of(example_ids)
        best = [_first_of_each(row, k) for row in class_ids.tolist()]
        if asked >= size or min(map(len, best), default=wanted) >= wanted:
            break
        asked = min(size, 2 * asked)
    return [
        Ranking(*(found[row].take(kept) for found in (class_ids, example_ids, similarities)))
        for row, kept in enumerate(np.array(each, np.int64) for each in best)
    ]


def _first_of_each(class_ids: list[int], k: int) -> list[int]:
    """Where each class is named for the first time, the first k of them."""
    first: dict[int, int] = {}
    for place, class_id in enumerate(class_ids):
        first.setdefault(class_id, place)
    first.pop(NO_CLASS, None)
    return list(first.values())[:k]

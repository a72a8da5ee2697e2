"""Classes ranked by similarity: the best example of each class, from a search over examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

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
        Ranking(
            _at(class_ids[row], places),
            _at(example_ids[row], places),
            _at(similarities[row], places),
        )
        for row, places in enumerate(best)
    ]


def _first_of_each(class_ids: list[int], k: int) -> Sequence[int]:
    """Where each class is named for the first time, the first k of them."""
    distinct = set(class_ids)
    if len(distinct) == len(class_ids) and NO_CLASS not in distinct:
        return range(min(k, len(class_ids)))
    first: dict[int, int] = {}
    for place, class_id in enumerate(class_ids):
        first.setdefault(class_id, place)
    first.pop(NO_CLASS, None)
    return list(first.values())[:k]


def _at(row: npt.NDArray[Any], places: Sequence[int]) -> npt.NDArray[Any]:
    """What stands at those places of a row; without a copy where they are its beginning."""
    return row[: len(places)] if isinstance(places, range) else row[np.array(places, np.int64)]

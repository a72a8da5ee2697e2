"""Classes ranked by similarity: the best example of each class, from a search over examples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.gallery.table import NO_CLASS, ExampleTable
from engine.indexes import VectorIndex
from engine.types import FloatArray, IntArray, Ranking


def rank(index: VectorIndex, table: ExampleTable, queries: FloatArray, k: int) -> list[Ranking]:
    """The k nearest classes of each query.

    The search asks for k examples and, where several of them share a class, for more.

    Args:
        queries: `(m, dim) float32`, unit rows.
    """
    size = len(index)
    if not size:
        empty = Ranking(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
        return [empty] * queries.shape[0]
    wanted = min(k, len(table.labels))
    asked = min(k, size)
    while True:
        similarities, example_ids = index.search(queries, asked)
        class_ids = table.classes_of(example_ids)
        best = _first_of_each(class_ids)
        if asked >= size or int(best.sum(axis=1).min()) >= wanted:
            break
        asked = min(size, 2 * asked)
    return [
        Ranking(class_ids[row, kept][:k], example_ids[row, kept][:k], similarities[row, kept][:k])
        for row, kept in enumerate(best)
    ]


def _first_of_each(class_ids: IntArray) -> npt.NDArray[np.bool_]:
    """`(m, k) bool`: where a row names a class for the first time."""
    order = np.argsort(class_ids, axis=1, kind="stable")
    ordered = np.take_along_axis(class_ids, order, axis=1)
    first = np.ones(class_ids.shape, np.bool_)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    result = np.empty_like(first)
    np.put_along_axis(result, order, first, axis=1)
    kept: npt.NDArray[np.bool_] = result & (class_ids != NO_CLASS)
    return kept

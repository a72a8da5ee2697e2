"""The oracle: an index so plain that the others are tested against it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.indexes.base import (
    VectorIndex,
    already_there,
    as_ids,
    as_pairs,
    as_unit_rows,
    check_k,
    no_such_id,
)
from engine.types import FloatArray, IntArray


class NumpyIndex(VectorIndex):
    """Compares a query with every vector, in double precision.

    Vectors are kept in ascending order of id; every write copies them all, so that a search works
    on a pair of arrays that nobody changes.
    """

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension)
        self._writing = threading.Lock()
        self._held: tuple[IntArray, FloatArray] = (
            np.empty(0, np.int64),
            np.empty((0, dimension), np.float32),
        )

    def __len__(self) -> int:
        return len(self._held[0])

    def ids(self) -> IntArray:
        return self._held[0].copy()

    def contains(self, ids: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        return np.isin(as_ids(ids, distinct=False), self._held[0])

    def add(self, ids: npt.ArrayLike, vectors: npt.ArrayLike) -> None:
        new_ids, new_rows = as_pairs(ids, vectors, self.dimension)
        with self._writing:
            held_ids, held_rows = self._held
            for example_id in new_ids[np.isin(new_ids, held_ids)]:
                raise already_there(int(example_id))
            merged = np.concatenate([held_ids, new_ids])
            order = np.argsort(merged)
            self._held = merged[order], np.concatenate([held_rows, new_rows])[order]

    def remove(self, ids: npt.ArrayLike) -> None:
        gone = as_ids(ids)
        with self._writing:
            held_ids, held_rows = self._held
            _positions(held_ids, gone)
            kept = ~np.isin(held_ids, gone)
            self._held = held_ids[kept], held_rows[kept]

    def search(self, queries: npt.ArrayLike, k: int) -> tuple[FloatArray, IntArray]:
        check_k(k)
        rows = as_unit_rows(queries, self.dimension, what="queries")
        held_ids, held_rows = self._held
        similarities = np.full((len(rows), k), -np.inf, np.float32)
        found = np.full((len(rows), k), -1, np.int64)
        exact = (rows.astype(np.float64) @ held_rows.T.astype(np.float64)).astype(np.float32)
        best = np.argsort(-exact, axis=1, kind="stable")[:, :k]
        width = best.shape[1]
        similarities[:, :width] = np.take_along_axis(exact, best, axis=1)
        found[:, :width] = held_ids[best]
        return similarities, found

    def vectors(self, ids: npt.ArrayLike) -> FloatArray:
        held_ids, held_rows = self._held
        rows: FloatArray = held_rows[_positions(held_ids, as_ids(ids, distinct=False))]
        return rows

    def describe(self) -> dict[str, Any]:
        return {"kind": "exact", "size": len(self), "dimension": self.dimension}

    def compact(self) -> None:
        pass  # nothing is ever left to fold


def _positions(held_ids: IntArray, ids: IntArray) -> IntArray:
    """Where each of `ids` stands among the ascending `held_ids`; ValueError if one doesn't."""
    for example_id in ids[~np.isin(ids, held_ids)]:
        raise no_such_id(int(example_id))
    return np.searchsorted(held_ids, ids).astype(np.int64)

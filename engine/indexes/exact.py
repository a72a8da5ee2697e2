"""The oracle: an index so plain that the others are tested against it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from ..types import FloatArray, IntArray
from .base import (
    VectorIndex,
    VectorReader,
    already_there,
    as_ids,
    as_pairs,
    as_unit_rows,
    check_k,
    no_such_id,
)


class NumpyReader(VectorReader):
    """Compares a query with every vector, in double precision.

    Args:
        held_ids: `(n,) int64`, ascending.
        held_rows: `(n, dim) float32`, unit rows, theirs.
    """

    def __init__(self, dimension: int, held_ids: IntArray, held_rows: FloatArray) -> None:
        super().__init__(dimension)
        self.held_ids = held_ids
        self.held_rows = held_rows

    def __len__(self) -> int:
        return len(self.held_ids)

    def ids(self) -> IntArray:
        return self.held_ids.copy()

    def contains(self, ids: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        return np.isin(as_ids(ids, distinct=False), self.held_ids)

    def search(self, queries: npt.ArrayLike, k: int) -> tuple[FloatArray, IntArray]:
        check_k(k)
        rows = as_unit_rows(queries, self.dimension, what="queries")
        similarities = np.full((len(rows), k), -np.inf, np.float32)
        found = np.full((len(rows), k), -1, np.int64)
        exact = (rows.astype(np.float64) @ self.held_rows.T.astype(np.float64)).astype(np.float32)
        best = np.argsort(-exact, axis=1, kind="stable")[:, :k]
        width = best.shape[1]
        similarities[:, :width] = np.take_along_axis(exact, best, axis=1)
        found[:, :width] = self.held_ids[best]
        return similarities, found

    def vectors(self, ids: npt.ArrayLike) -> FloatArray:
        rows: FloatArray = self.held_rows[self.places(as_ids(ids, distinct=False))]
        return rows

    def among(self, ids: IntArray) -> NumpyReader:
        kept = np.isin(self.held_ids, ids)
        return NumpyReader(self.dimension, self.held_ids[kept], self.held_rows[kept])

    def describe(self) -> dict[str, Any]:
        return {"kind": "exact", "size": len(self), "dimension": self.dimension}

    def places(self, ids: IntArray) -> IntArray:
        """Where each of `ids (n,)` stands among those held; ValueError if one doesn't."""
        for example_id in ids[~np.isin(ids, self.held_ids)]:
            raise no_such_id(int(example_id))
        return np.searchsorted(self.held_ids, ids).astype(np.int64)


class NumpyIndex(VectorIndex):
    """Vectors in ascending order of id; every write copies them all for another reader."""

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension)
        self._writing = threading.Lock()
        nothing = np.empty((0, dimension), np.float32)
        self._reader = NumpyReader(dimension, np.empty(0, np.int64), nothing)

    def reader(self) -> NumpyReader:
        return self._reader

    def add(self, ids: npt.ArrayLike, vectors: npt.ArrayLike) -> None:
        new_ids, new_rows = as_pairs(ids, vectors, self.dimension)
        with self._writing:
            before = self._reader
            for example_id in new_ids[np.isin(new_ids, before.held_ids)]:
                raise already_there(int(example_id))
            merged = np.concatenate([before.held_ids, new_ids])
            order = np.argsort(merged)
            rows = np.concatenate([before.held_rows, new_rows])[order]
            self._reader = NumpyReader(self.dimension, merged[order], rows)

    def remove(self, ids: npt.ArrayLike) -> None:
        gone = as_ids(ids)
        with self._writing:
            before = self._reader
            before.places(gone)
            kept = ~np.isin(before.held_ids, gone)
            self._reader = NumpyReader(
                self.dimension, before.held_ids[kept], before.held_rows[kept]
            )

    def compact(self) -> None:
        pass  # nothing is ever left to fold

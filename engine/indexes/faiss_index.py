"""The index of a gallery: exact while that is fast, found through FAISS above it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.indexes import scan
from engine.indexes.base import (
    VectorIndex,
    already_there,
    as_ids,
    as_pairs,
    as_unit_rows,
    check_k,
    no_such_id,
)
from engine.indexes.id_map import ABSENT, IdMap
from engine.indexes.rows import Rows
from engine.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class State:
    """All that a search reads; a write swaps it for another.

    Attributes:
        rows: raw vectors, those of removed ids included.
        dead: ascending numbers of the rows whose ids were removed.
    """

    rows: Rows
    dead: IntArray

    def live(self) -> IntArray:
        """Numbers of the rows that count, ascending."""
        return np.delete(np.arange(len(self.rows)), self.dead)


class FaissIndex(VectorIndex):
    """Searches an immutable state that each write swaps: searches take no lock.

    Adding appends a row; removing marks one dead. Neither touches what a search reads.
    """

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension)
        self._writing = threading.Lock()
        self._hold(State(Rows(dimension), np.empty(0, np.int64)))

    def _hold(self, state: State) -> None:
        self._state = state
        self._rows_by_id = IdMap(state.rows.ids(), state.live())

    def __len__(self) -> int:
        state = self._state
        return len(state.rows) - len(state.dead)

    def ids(self) -> IntArray:
        with self._writing:
            return self._rows_by_id.ids()

    def contains(self, ids: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        with self._writing:
            held: npt.NDArray[np.bool_] = self._rows_by_id.rows(as_ids(ids)) != ABSENT
        return held

    def add(self, ids: npt.ArrayLike, vectors: npt.ArrayLike) -> None:
        new_ids, new_rows = as_pairs(ids, vectors, self.dimension)
        with self._writing:
            for example_id in new_ids[self._rows_by_id.rows(new_ids) != ABSENT]:
                raise already_there(int(example_id))
            state = self._state
            self._state = replace(state, rows=state.rows.append(new_ids, new_rows))
            self._rows_by_id.add(new_ids, len(state.rows))

    def remove(self, ids: npt.ArrayLike) -> None:
        gone = as_ids(ids)
        with self._writing:
            rows = self._rows_of(gone)
            state = self._state
            self._state = replace(state, dead=np.union1d(state.dead, rows))
            self._rows_by_id.remove(gone)

    def search(self, queries: npt.ArrayLike, k: int) -> tuple[FloatArray, IntArray]:
        check_k(k)
        unit_queries = as_unit_rows(queries, self.dimension, what="queries")
        state = self._state
        similarities = np.full((len(unit_queries), k), -np.inf, np.float32)
        ids = np.full((len(unit_queries), k), -1, np.int64)
        for place, candidates in enumerate(_candidates(state, unit_queries, k)):
            exact, found = scan.rank(state.rows, candidates, unit_queries[place], k)
            similarities[place, : len(found)] = exact
            ids[place, : len(found)] = found
        return similarities, ids

    def vectors(self, ids: npt.ArrayLike) -> FloatArray:
        wanted = as_ids(ids, distinct=False)
        with self._writing:
            rows, state = self._rows_of(wanted), self._state
        return state.rows.take(rows)

    def describe(self) -> dict[str, Any]:
        state = self._state
        return {
            "kind": "exact",
            "size": len(state.rows) - len(state.dead),
            "dimension": self.dimension,
            "removed": len(state.dead),
        }

    def compact(self) -> None:
        with self._writing:
            state = self._state
            if not len(state.dead):
                return
            live = state.live()
            rows = Rows(self.dimension).append(state.rows.ids_of(live), state.rows.take(live))
            self._hold(State(rows, np.empty(0, np.int64)))

    def _rows_of(self, ids: IntArray) -> IntArray:
        rows = self._rows_by_id.rows(ids)
        for example_id in ids[rows == ABSENT]:
            raise no_such_id(int(example_id))
        return rows


def _candidates(state: State, queries: FloatArray, k: int) -> list[IntArray]:
    """Rows among which the k nearest of each query are."""
    if len(queries) == 1:
        return [scan.scan_one(state.rows, 0, state.dead, queries[0], k)]
    return scan.scan_many(state.rows, 0, state.dead, queries, k)

"""The index of a gallery: exact while that is fast, found through FAISS above it."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.indexes import candidates, scan
from engine.indexes.base import (
    VectorIndex,
    already_there,
    as_ids,
    as_pairs,
    as_unit_rows,
    check_k,
    no_such_id,
)
from engine.indexes.compaction import Limits, compacted, followed_by, is_due
from engine.indexes.id_map import ABSENT, IdMap
from engine.indexes.rows import Rows
from engine.indexes.state import State
from engine.types import FloatArray, IntArray

LOGGER = logging.getLogger(__name__)


class FaissIndex(VectorIndex):
    """Searches an immutable state that each write swaps: searches take no lock.

    Adding appends a row; removing marks one dead. Neither touches what a search reads. What
    gathers so is folded away by `compact`, which the index also starts by itself, in a thread of
    its own, when a write made it due.

    Args:
        limits: when it changes from exact to approximate search, and when compacting is due.
        background: whether to compact by itself.
    """

    def __init__(
        self, dimension: int, *, limits: Limits | None = None, background: bool = True
    ) -> None:
        super().__init__(dimension)
        self._limits = limits or Limits()
        self._background = background
        self._writing = threading.Lock()
        self._compacting = threading.Lock()
        self._hold(State(Rows(dimension)))

    @classmethod
    def of(
        cls, state: State, *, limits: Limits | None = None, background: bool = True
    ) -> FaissIndex:
        """An index that starts from a state, such as one that was saved."""
        index = cls(state.rows.dimension, limits=limits, background=background)
        index._hold(state)
        return index

    @property
    def state(self) -> State:
        """What a search would read now; immutable, so that it can be saved while writes go on."""
        return self._state

    def _hold(self, state: State) -> None:
        self._state = state
        self._rows_by_id = IdMap(state.rows.ids(), state.live())

    def __len__(self) -> int:
        return self._state.size

    def ids(self) -> IntArray:
        with self._writing:
            return self._rows_by_id.ids()

    def contains(self, ids: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        wanted = as_ids(ids, distinct=False)
        with self._writing:
            held: npt.NDArray[np.bool_] = self._rows_by_id.rows(wanted) != ABSENT
        return held

    def add(self, ids: npt.ArrayLike, vectors: npt.ArrayLike) -> None:
        new_ids, new_rows = as_pairs(ids, vectors, self.dimension)
        with self._writing:
            for example_id in new_ids[self._rows_by_id.rows(new_ids) != ABSENT]:
                raise already_there(int(example_id))
            state = self._state
            self._state = replace(state, rows=state.rows.append(new_ids, new_rows))
            self._rows_by_id.add(new_ids, np.arange(len(state.rows), len(self._state.rows)))
        self._compact_if_due()

    def remove(self, ids: npt.ArrayLike) -> None:
        gone = as_ids(ids)
        with self._writing:
            rows = self._rows_of(gone)
            state = self._state
            self._state = replace(state, dead=np.union1d(state.dead, rows))
            self._rows_by_id.remove(gone)
        self._compact_if_due()

    def search(self, queries: npt.ArrayLike, k: int) -> tuple[FloatArray, IntArray]:
        check_k(k)
        unit_queries = as_unit_rows(queries, self.dimension, what="queries")
        state = self._state
        similarities = np.full((len(unit_queries), k), -np.inf, np.float32)
        ids = np.full((len(unit_queries), k), -1, np.int64)
        for place, (rows, exact) in enumerate(candidates.nearest(state, unit_queries, k)):
            best, found = scan.rank(state.rows, rows, exact, k)
            similarities[place, : len(found)] = best
            ids[place, : len(found)] = found
        return similarities, ids

    def vectors(self, ids: npt.ArrayLike) -> FloatArray:
        wanted = as_ids(ids, distinct=False)
        with self._writing:
            rows, state = self._rows_of(wanted), self._state
        return state.rows.take(rows)

    def describe(self) -> dict[str, Any]:
        state = self._state
        described: dict[str, Any] = {
            "kind": "exact" if state.sketch is None else "approximate",
            "size": state.size,
            "dimension": self.dimension,
            "removed": len(state.dead),
        }
        if state.sketch is not None:
            described["waiting"] = len(state.rows) - state.covered
        if fit := state.sketch.fit if state.sketch is not None else state.refused:
            described |= {
                "bits_per_dimension": 4 / fit.group,
                "candidates": fit.candidates,
                "recall": {f"at_{k}": round(share, 4) for k, share in fit.recall.items()},
                "fitted_at": fit.rows,
            }
        return described

    @property
    def compaction_due(self) -> bool:
        return is_due(self._state, self._limits)

    def compact(self) -> None:
        with self._compacting:
            self._compact()

    def _compact(self) -> None:
        before = self._state
        after = compacted(before, self._limits)
        if after is not before:
            rows_by_id = IdMap(after.rows.ids(), after.live())
            with self._writing:
                self._state = followed_by(after, before, self._state, rows_by_id)
                self._rows_by_id = rows_by_id

    def _compact_if_due(self) -> None:
        if self._background and self.compaction_due and not self._compacting.locked():
            threading.Thread(target=self._compact_quietly, name="onelook-compaction").start()

    def _compact_quietly(self) -> None:
        """Compact in the background, where nobody waits for it and nobody sees it fail."""
        if not self._compacting.acquire(blocking=False):
            return
        try:
            self._compact()
        except InterruptedError:
            LOGGER.debug("compaction was given up: the interpreter is shutting down")
        except MemoryError:
            self._background = False  # searches go on as they are
            LOGGER.warning("there isn't the memory to compact the index of %d vectors", len(self))
        finally:
            self._compacting.release()

    def _rows_of(self, ids: IntArray) -> IntArray:
        rows = self._rows_by_id.rows(ids)
        for example_id in ids[rows == ABSENT]:
            raise no_such_id(int(example_id))
        return rows

"""The index of a gallery: exact while that is fast, above it a sketch and exact re-scoring."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..forking import in_forked_child
from ..types import FloatArray, IntArray
from ..versioned import IdTable
from . import candidates, scan
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
from .compaction import Limits, compacted, followed_by, is_due
from .rows import Rows
from .state import State

LOGGER = logging.getLogger(__name__)
_ABSENT = -1

COPIED = 8
"""Up to this fraction of the rows, those asked for are copied out."""


class StateReader(VectorReader):
    """Searches one state, which nobody changes: no method takes a lock."""

    def __init__(self, state: State, rows_by_id: IdTable) -> None:
        super().__init__(state.rows.dimension)
        self.state = state
        self.rows_by_id = rows_by_id

    @classmethod
    def of(cls, state: State) -> StateReader:
        """The reader of a state, its rows looked up by id anew."""
        return cls(state, _rows_by_id(state))

    @classmethod
    def of_vectors(cls, ids: IntArray, vectors: FloatArray) -> StateReader:
        """The reader of `vectors (n, dim) float32`, unit rows, and their `ids (n,)`; exact."""
        return cls.of(State(Rows(vectors.shape[1]).attach(ids, vectors)))

    def __len__(self) -> int:
        return self.state.size

    def ids(self) -> IntArray:
        return self.rows_by_id.ids().copy()

    def contains(self, ids: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        return self.rows_by_id.contains(as_ids(ids, distinct=False))

    def search(self, queries: npt.ArrayLike, k: int) -> tuple[FloatArray, IntArray]:
        return self._search(queries, k, candidates.nearest)

    def nearly_same(self, queries: npt.ArrayLike, k: int) -> tuple[FloatArray, IntArray]:
        return self._search(queries, k, candidates.looking_nearest)

    def _search(
        self,
        queries: npt.ArrayLike,
        k: int,
        find: Callable[[State, FloatArray, int], list[candidates.Compared]],
    ) -> tuple[FloatArray, IntArray]:
        check_k(k)
        unit_queries = as_unit_rows(queries, self.dimension, what="queries")
        state = self.state
        similarities = np.full((len(unit_queries), k), -np.inf, np.float32)
        ids = np.full((len(unit_queries), k), -1, np.int64)
        for place, (rows, exact) in enumerate(find(state, unit_queries, k)):
            best, found = scan.rank(state.rows, rows, exact, k)
            similarities[place, : len(found)] = best
            ids[place, : len(found)] = found
        return similarities, ids

    def vectors(self, ids: npt.ArrayLike) -> FloatArray:
        return self.state.rows.take(self.rows_of(as_ids(ids, distinct=False)))

    def among(self, ids: IntArray) -> StateReader:
        """Of a few, a copy that is searched exactly; else what isn't among them is as if removed.

        A copy of an eighth of the rows is compared whole about as fast as a sketch finds its way
        around the other seven.
        """
        rows: IntArray = np.sort(self.rows_by_id.get(ids, _ABSENT))
        rows = rows[rows != _ABSENT]
        state = self.state
        if COPIED * rows.size <= len(state.rows):
            return StateReader.of_vectors(state.rows.ids_of(rows), state.rows.take(rows))
        others = np.ones(len(state.rows), np.bool_)
        others[rows] = False
        return StateReader.of(replace(state, dead=np.flatnonzero(others)))

    def rows_of(self, ids: IntArray) -> IntArray:
        """The numbers of the rows that hold `ids (n,)`; ValueError if one isn't held."""
        rows: IntArray = self.rows_by_id.get(ids, _ABSENT)
        for example_id in ids[rows == _ABSENT]:
            raise no_such_id(int(example_id))
        return rows

    def describe(self) -> dict[str, Any]:
        state = self.state
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


class SketchedIndex(VectorIndex):
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
        self._reader = StateReader.of(State(Rows(dimension)))
        in_forked_child(self._renew)

    @classmethod
    def of(
        cls, state: State, *, limits: Limits | None = None, background: bool = True
    ) -> SketchedIndex:
        """An index that starts from a state, such as one that was saved."""
        index = cls(state.rows.dimension, limits=limits, background=background)
        index._reader = StateReader.of(state)
        return index

    def reader(self) -> StateReader:
        return self._reader

    @property
    def state(self) -> State:
        """What a search would read now; immutable, so that it can be saved while writes go on."""
        return self._reader.state

    def add(self, ids: npt.ArrayLike, vectors: npt.ArrayLike) -> None:
        new_ids, new_rows = as_pairs(ids, vectors, self.dimension)
        with self._writing:
            before = self._reader
            for example_id in new_ids[before.rows_by_id.contains(new_ids)]:
                raise already_there(int(example_id))
            rows = before.state.rows.append(new_ids, new_rows)
            numbers = np.arange(len(before.state.rows), len(rows))
            self._reader = StateReader(
                replace(before.state, rows=rows), before.rows_by_id.updated(new_ids, numbers)
            )
        self._compact_if_due()

    def remove(self, ids: npt.ArrayLike) -> None:
        gone = as_ids(ids)
        with self._writing:
            before = self._reader
            dead = np.union1d(before.state.dead, before.rows_of(gone))
            self._reader = StateReader(
                replace(before.state, dead=dead), before.rows_by_id.without(gone)
            )
        self._compact_if_due()

    @property
    def compaction_due(self) -> bool:
        return is_due(self._reader.state, self._limits)

    def compact(self) -> None:
        with self._compacting:
            self._compact()

    def _compact(self) -> None:
        before = self._reader.state
        after = compacted(before, self._limits)
        if after is not before:
            rows_by_id = _rows_by_id(after)
            with self._writing:
                now = self._reader.state
                self._reader = StateReader(*followed_by(after, before, now, rows_by_id))

    def _renew(self) -> None:
        """Whoever wrote or compacted when this process was forked doesn't in the child."""
        self._writing = threading.Lock()
        self._compacting = threading.Lock()

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


def _rows_by_id(state: State) -> IdTable:
    live = state.live()
    return IdTable(state.rows.ids()[live], live)

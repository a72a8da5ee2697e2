"""Raw vectors and their ids: append-only, so that a search reads while a writer appends.

A row's number is its place in the order of adding. Rows live in a few parts, each as large as all
before it together: growing never copies a vector, and memory that no row fills is never touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..types import FloatArray, IntArray

SMALLEST_PART = 1024
MOST_PARTS = 32


@dataclass(frozen=True, slots=True)
class Part:
    """A run of rows. Those below `used` never change again; those above are room to append.

    Attributes:
        first: number of its first row.
        used: how many rows are filled.
        memory: `(capacity, dim) float32`, perhaps mapped from a file.
        row_ids: `(capacity,) int64`.
    """

    first: int
    used: int
    memory: FloatArray
    row_ids: IntArray

    @property
    def end(self) -> int:
        return self.first + self.used


@dataclass(frozen=True, slots=True)
class Rows:
    """An immutable view of the rows filled so far. Only the newest view may be appended to."""

    dimension: int
    parts: tuple[Part, ...] = ()

    def __len__(self) -> int:
        return self.parts[-1].end if self.parts else 0

    def append(self, ids: IntArray, vectors: FloatArray) -> Rows:
        """The view that also holds copies of `vectors (n, dim)`; this one stays as it is."""
        parts = list(self.parts)
        done = 0
        if parts:
            last = parts[-1]
            done = min(len(ids), len(last.row_ids) - last.used)
            if done:
                parts[-1] = _filled(last, ids[:done], vectors[:done])
        if left := len(ids) - done:
            capacity = max(SMALLEST_PART, len(self), left)
            fresh = Part(
                first=len(self) + done,
                used=0,
                memory=np.empty((capacity, self.dimension), np.float32),
                row_ids=np.empty(capacity, np.int64),
            )
            parts.append(_filled(fresh, ids[done:], vectors[done:]))
        return replace(self, parts=tuple(parts))

    def attach(self, ids: IntArray, vectors: FloatArray) -> Rows:
        """The view that ends in `vectors (n, dim)` themselves, which nobody may change again."""
        if not len(ids):
            return self
        return replace(self, parts=(*self.parts, Part(len(self), len(ids), vectors, ids)))

    def without(self, dead: IntArray) -> Rows:
        """The rows but for `dead` (ascending), renumbered; parts that lose none aren't copied."""
        if not len(dead):
            return self
        kept = Rows(self.dimension)
        for part in self.parts:
            bounds = np.searchsorted(dead, [part.first, part.end])
            ids, memory = part.row_ids[: part.used], part.memory[: part.used]
            if bounds[0] < bounds[1]:
                live = np.delete(np.arange(part.used), dead[slice(*bounds)] - part.first)
                ids, memory = ids[live], memory[live]
            kept = kept.attach(ids, memory)
        return kept._joined() if len(kept.parts) > MOST_PARTS else kept

    def runs(self, start: int = 0) -> Iterator[tuple[int, FloatArray]]:
        """The rows from `start` on, part by part: number of the first one, `(n, dim) float32`."""
        for part in self.parts:
            if part.end > start:
                skipped = max(0, start - part.first)
                yield part.first + skipped, part.memory[skipped : part.used]

    def batches(self, size: int, start: int = 0) -> Iterator[FloatArray]:
        """The rows from `start` on, at most `size` at a time and without a copy."""
        for _, vectors in self.runs(start):
            for first in range(0, len(vectors), size):
                yield vectors[first : first + size]

    def take(self, rows: IntArray) -> FloatArray:
        """Copy out the vectors of `rows (n,)`, `(n, dim) float32`."""
        if len(self.parts) == 1:
            only: FloatArray = self.parts[0].memory[rows]
            return only
        taken = np.empty((len(rows), self.dimension), np.float32)
        for part, where in self.places(rows):
            taken[where] = part.memory[rows[where] - part.first]
        return taken

    def ids_of(self, rows: IntArray) -> IntArray:
        """The ids of `rows (n,)`."""
        if len(self.parts) == 1:
            ids: IntArray = self.parts[0].row_ids[rows]
            return ids
        taken = np.empty(len(rows), np.int64)
        for part, where in self.places(rows):
            taken[where] = part.row_ids[rows[where] - part.first]
        return taken

    def ids(self) -> IntArray:
        """Every row's id, in row order."""
        filled = [part.row_ids[: part.used] for part in self.parts]
        return np.concatenate([np.empty(0, np.int64), *filled])

    def _joined(self) -> Rows:
        """The same rows in two parts: the first, which may be mapped from a file, and the rest."""
        rest = self.parts[1:]
        ids = np.concatenate([part.row_ids for part in rest])
        memory = np.concatenate([part.memory for part in rest])
        return Rows(self.dimension, self.parts[:1]).attach(ids, memory)

    def places(self, rows: IntArray) -> Iterator[tuple[Part, slice | IntArray]]:
        """The parts that hold `rows (n,)`, and which of `rows` each of them holds."""
        if len(self.parts) == 1:
            yield self.parts[0], slice(None)
            return
        ends = [part.end for part in self.parts]
        numbers = np.searchsorted(ends, rows, side="right")
        for number, part in enumerate(self.parts):
            (where,) = np.nonzero(numbers == number)
            if where.size:
                yield part, where


def _filled(part: Part, ids: IntArray, vectors: FloatArray) -> Part:
    used = part.used + len(ids)
    part.memory[part.used : used] = vectors
    part.row_ids[part.used : used] = ids
    return replace(part, used=used)

"""Raw vectors and their ids: append-only, so that a search reads while a writer appends.

A row's number is its place in the order of adding. Rows live in a few parts, each as large as all
before it together: growing never copies a vector, and memory that no row fills is never touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engine.types import FloatArray, IntArray

SMALLEST_PART = 1024


@dataclass(frozen=True, slots=True)
class Part:
    """A run of rows. Those below `used` never change again; those above are room to append.

    Attributes:
        first: number of its first row.
        used: how many rows are filled.
        memory: `(capacity, dim) float32`.
        row_ids: `(capacity,) int64`.
    """

    first: int
    used: int
    memory: FloatArray
    row_ids: IntArray

    @property
    def end(self) -> int:
        return self.first + self.used

    @property
    def vectors(self) -> FloatArray:
        return self.memory[: self.used]

    @property
    def ids(self) -> IntArray:
        return self.row_ids[: self.used]


@dataclass(frozen=True, slots=True)
class Rows:
    """An immutable view of the rows filled so far. Only the newest view may be appended to."""

    dimension: int
    parts: tuple[Part, ...] = ()

    def __len__(self) -> int:
        return self.parts[-1].end if self.parts else 0

    def append(self, ids: IntArray, vectors: FloatArray) -> Rows:
        """The view that also holds `vectors (n, dim)`; this one stays as it is."""
        parts = list(self.parts)
        done = 0
        if parts:
            last = parts[-1]
            done = min(len(ids), len(last.row_ids) - last.used)
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

    def runs(self, start: int = 0) -> Iterator[tuple[int, FloatArray]]:
        """The rows from `start` on, part by part: number of the first one, `(n, dim) float32`."""
        for part in self.parts:
            if part.end > start:
                skipped = max(0, start - part.first)
                yield part.first + skipped, part.vectors[skipped:]

    def take(self, rows: IntArray) -> FloatArray:
        """Copy out the vectors of `rows (n,)`, `(n, dim) float32`."""
        if len(self.parts) == 1:
            only: FloatArray = self.parts[0].memory[rows]
            return only
        taken = np.empty((len(rows), self.dimension), np.float32)
        for part, where in self._places(rows):
            taken[where] = part.memory[rows[where] - part.first]
        return taken

    def ids_of(self, rows: IntArray) -> IntArray:
        """The ids of `rows (n,)`."""
        taken = np.empty(len(rows), np.int64)
        for part, where in self._places(rows):
            taken[where] = part.row_ids[rows[where] - part.first]
        return taken

    def ids(self) -> IntArray:
        """Every row's id, in row order."""
        return np.concatenate([np.empty(0, np.int64), *(part.ids for part in self.parts)])

    def _places(self, rows: IntArray) -> Iterator[tuple[Part, IntArray]]:
        ends = [part.end for part in self.parts]
        numbers = np.searchsorted(ends, rows, side="right")
        for number in np.unique(numbers):
            yield self.parts[number], np.flatnonzero(numbers == number)


def _filled(part: Part, ids: IntArray, vectors: FloatArray) -> Part:
    used = part.used + len(ids)
    part.memory[part.used : used] = vectors
    part.row_ids[part.used : used] = ids
    return replace(part, used=used)

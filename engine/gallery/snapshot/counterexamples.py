"""Pictures that look like a class and aren't of it."""

from __future__ import annotations

from functools import cached_property
from typing import Self

import numpy as np

from ...types import FloatArray, IntArray


class CounterexampleTable:
    """An immutable version of the counterexamples' vectors, by class.

    There are few of them, so that every change makes the table anew.

    Attributes:
        ids, class_ids: `(n,) int64`: theirs, and their classes'.
        vectors: `(n, dim) float32`, unit rows of the searched space, projected as queries.
    """

    def __init__(self, ids: IntArray, class_ids: IntArray, vectors: FloatArray) -> None:
        self.ids, self.class_ids, self.vectors = ids, class_ids, vectors

    @classmethod
    def none(cls) -> Self:
        """A table without any."""
        nothing = np.empty(0, np.int64)
        return cls(nothing, nothing, np.empty((0, 0), np.float32))

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, class_id: int) -> IntArray:
        """The rows of a class's, `(n,) int64`; none for most classes."""
        return self._rows.get(class_id, _NONE)

    def without(self, row: int) -> CounterexampleTable:
        """The version without one of them."""
        kept = np.arange(len(self)) != row
        return CounterexampleTable(self.ids[kept], self.class_ids[kept], self.vectors[kept])

    @cached_property
    def classes(self) -> int:
        """How many classes have any."""
        return len(self._rows)

    @cached_property
    def _rows(self) -> dict[int, IntArray]:
        return {i: np.flatnonzero(self.class_ids == i) for i in np.unique(self.class_ids).tolist()}


_NONE = np.empty(0, np.int64)

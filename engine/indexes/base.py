"""The contract of every vector index.

What it holds. An index maps example ids (int64, never negative) to unit rows of the searched
space, float32, all of one dimension. It is a cache: the database is the truth, and an index may
be thrown away and filled again at any moment.

Searching. Similarity is the inner product of unit rows, so cosine, higher is better. What
`search` returns is exact to float32 rounding whatever structure found it, in descending order,
equal similarities by ascending id, padded with `-inf` and `-1` where fewer than k vectors are
held. An exact index finds the k nearest; an approximate one may miss some of them (`describe`
says which it is), but never returns a similarity that isn't true or an id that was removed. The
same holds for a reader of some of the vectors (`among`): the others are left out before the search.

Threads. Any method may be called from any thread. Searches run side by side, and with a writer;
each sees the index as it was between two writes, never a half of one; several questions to one
state are asked of its `reader`. Writers wait for each other. `compact` may run in a background
thread: it holds nobody up while it works.

Durability. None. `engine.indexes.index_file` writes an index to a file and reads it back.

Raises. `ValueError` for arrays of the wrong shape, for rows that are not finite and of unit
length, for an id that is added twice and for one that is not there; the index is then unchanged.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from ..types import UNIT_TOLERANCE, FloatArray, IntArray


class VectorReader(ABC):
    """The reading half of an index: nearest-neighbour search over unit rows, by example id."""

    def __init__(self, dimension: int) -> None:
        if dimension < 1:
            raise ValueError(f"expected a dimension of at least 1 but got {dimension}")
        self.dimension = dimension

    @abstractmethod
    def __len__(self) -> int:
        """How many vectors are held."""

    @abstractmethod
    def ids(self) -> IntArray:
        """The ids held, `(n,) int64`, ascending."""

    @abstractmethod
    def contains(self, ids: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Which of `ids (n,) int64` are held: `(n,) bool`."""

    @abstractmethod
    def search(self, queries: npt.ArrayLike, k: int) -> tuple[FloatArray, IntArray]:
        """Find the k nearest of each of `queries (m, dim) float32`, unit rows.

        Returns:
            Similarities `(m, k) float32` and ids `(m, k) int64`, both in descending similarity.
        """

    def nearly_same(self, queries: npt.ArrayLike, k: int) -> tuple[FloatArray, IntArray]:
        """As `search`, for what is nearly the same as a query, which it finds for less.

        What is found besides need not be the nearest there is.
        """
        return self.search(queries, k)

    @abstractmethod
    def vectors(self, ids: npt.ArrayLike) -> FloatArray:
        """The vectors of `ids (n,) int64` as they were added, `(n, dim) float32`."""

    def held(self, ids: IntArray) -> tuple[IntArray, FloatArray]:
        """Those of `ids (n,) int64` that are held, in their order, and their vectors.

        For when another thread, or another process, may be removing some.
        """
        while True:
            kept = ids[self.contains(ids)]
            try:
                return kept, self.vectors(kept)
            except ValueError:  # removed in between
                continue

    @abstractmethod
    def among(self, ids: IntArray) -> VectorReader:
        """A reader of those of `ids (n,) int64`, distinct, that are held; it stays as it is."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What the index is, for people: `kind`, `size`, `dimension` and its parameters."""


class VectorIndex(VectorReader):
    """An index that is written to. The module tells the contract.

    What it is asked, its reader answers; one that is its own reader answers itself.
    """

    @abstractmethod
    def reader(self) -> VectorReader:
        """The index as it is now, for as long as anybody holds it: nothing that it says changes.

        The same object until a write or a compaction. An index that other processes write to as
        well can't promise that: it gives itself, and may be ahead of what is known otherwise.
        """

    def __len__(self) -> int:
        return len(self.reader())

    def ids(self) -> IntArray:
        return self.reader().ids()

    def contains(self, ids: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        return self.reader().contains(ids)

    def search(self, queries: npt.ArrayLike, k: int) -> tuple[FloatArray, IntArray]:
        return self.reader().search(queries, k)

    def nearly_same(self, queries: npt.ArrayLike, k: int) -> tuple[FloatArray, IntArray]:
        return self.reader().nearly_same(queries, k)

    def vectors(self, ids: npt.ArrayLike) -> FloatArray:
        return self.reader().vectors(ids)

    def among(self, ids: IntArray) -> VectorReader:
        return self.reader().among(ids)

    def describe(self) -> dict[str, Any]:
        return self.reader().describe()

    @abstractmethod
    def add(self, ids: npt.ArrayLike, vectors: npt.ArrayLike) -> None:
        """Add vectors: `ids (n,) int64`, `vectors (n, dim) float32`, unit rows."""

    @abstractmethod
    def remove(self, ids: npt.ArrayLike) -> None:
        """Remove the vectors of `ids (n,) int64`."""

    @property
    def compaction_due(self) -> bool:
        """Whether `compact` would now make searches noticeably faster or the index smaller."""
        return False

    @abstractmethod
    def compact(self) -> None:
        """Fold what was added and removed into the search structure; no result changes for it."""


def as_ids(ids: npt.ArrayLike, *, distinct: bool = True) -> IntArray:
    """Check ids: one-dimensional, whole, not negative and, if `distinct`, each there once.

    Returns:
        `(n,) int64`, a copy of its own.
    """
    array = np.asarray(ids)
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"expected ids as a one-dimensional array of integers "
            f"but got shape {array.shape} of {array.dtype}"
        )
    result = array.astype(np.int64)
    if (smallest := int(result.min())) < 0:
        raise ValueError(f"expected ids of 0 or more but got {smallest}")
    if distinct and result.size > 1:
        ascending = np.sort(result)
        repeated = ascending[1:][ascending[1:] == ascending[:-1]]
        if repeated.size:
            raise ValueError(f"expected each id once but got {int(repeated[0])} twice")
    return result


def as_unit_rows(vectors: npt.ArrayLike, dimension: int, *, what: str = "vectors") -> FloatArray:
    """Check rows: `(n, dimension)`, finite, of unit length.

    Returns:
        `(n, dimension) float32`, C-contiguous, the argument itself where it is that already.
    """
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != dimension:
        raise ValueError(f"expected {what} of shape (n, {dimension}) but got {np.shape(vectors)}")
    with np.errstate(all="ignore"):  # a NaN or an overflow shows in the length
        lengths = np.sqrt(np.vecdot(rows, rows))
    wrong = ~(np.abs(lengths - 1) <= UNIT_TOLERANCE)
    if np.count_nonzero(wrong):
        row = int(np.argmax(wrong))
        raise ValueError(
            f"expected {what} of unit length but row {row} has length {lengths[row]:.6g}"
        )
    return rows


def as_pairs(
    ids: npt.ArrayLike, vectors: npt.ArrayLike, dimension: int
) -> tuple[IntArray, FloatArray]:
    """Check the arguments of `add`."""
    checked, rows = as_ids(ids), as_unit_rows(vectors, dimension)
    if len(checked) != len(rows):
        raise ValueError(
            f"expected an id for every vector but got {len(checked)} ids for {len(rows)} vectors"
        )
    return checked, rows


def check_k(k: int) -> None:
    """Refuse a count of neighbours below one."""
    if k < 1:
        raise ValueError(f"expected k of at least 1 but got {k}")


def no_such_id(example_id: int) -> ValueError:
    return ValueError(f"expected ids that the index holds but {example_id} isn't among them")


def already_there(example_id: int) -> ValueError:
    return ValueError(f"expected new ids but {example_id} is in the index already")

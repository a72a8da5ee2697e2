"""A compressed copy of the vectors, scanned in full to find what to compare exactly.

Each vector is cut into groups of a few dimensions, and of each group only the nearest of 16
centroids is kept, in four bits (product quantisation; Jégou et al., 2011). A query's similarities
to the centroids fit in the processor's registers, which makes comparing it with a whole vector a
matter of nanoseconds (André et al., 2015; FAISS calls it fast scan). The rows that look best are
then compared exactly by the caller.

Why not an inverted file or a graph? Both assume that neighbours cluster. Whitened embeddings
barely do: probing an eighth of an inverted file lost 2 % of the nearest neighbours of real
pictures, where scanning every code at half a bit a dimension lost none. A scan also takes a second
to build for 100,000 vectors, is appended to in place of being rebalanced, and doesn't care what is
asked.

This is the one module that imports FAISS.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from ..cores import threads_for
from ..types import ByteArray, FloatArray, IntArray
from .fit import Fit
from .rows import Rows

with warnings.catch_warnings():  # SWIG's types have no __module__, which Python 3.12 deprecates
    warnings.filterwarnings("ignore", message="builtin type [Ss]wig", category=DeprecationWarning)
    import faiss

_FAISS: Any = faiss  # its type stubs leave some of its functions out

BITS = 4
LARGEST_GROUP = 8
ROWS_AT_ONCE = 16_384
TRAINING_ROUNDS = 10
SEED = 11

SHARE = 250_000
"""So many codes make a thread worth waking for a single query: half a millisecond of scanning."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """Codes of the first rows of an index. Nobody changes one: growing makes another."""

    codes: faiss.IndexPQFastScan  # its labels are row numbers
    fit: Fit
    _shared: dict[int, list[_Share]] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        """How many rows it covers, from the first on."""
        return int(self.codes.ntotal)

    @classmethod
    def trained(cls, sample: FloatArray, fit: Fit) -> Sketch:
        """An empty one, its centroids fitted to `sample (n, dim) float32`."""
        width = _padded(sample.shape[1])
        groups = width // fit.group
        codes = faiss.IndexPQFastScan(width, groups, BITS, faiss.METRIC_INNER_PRODUCT)
        codes.pq.cp.niter = TRAINING_ROUNDS
        codes.pq.cp.seed = SEED
        codes.pq.cp.min_points_per_centroid = 1
        faiss.omp_set_num_threads(1)  # a group is too little work to share
        codes.train(_regrouped(sample, groups))
        return cls(codes, fit)

    def extended(self, rows: Rows, interrupted: Callable[[], bool]) -> Sketch:
        """One that covers all of `rows`.

        Raises:
            InterruptedError: `interrupted`, asked now and then, said yes.
        """
        codes = self._copied()
        faiss.omp_set_num_threads(threads_for(ROWS_AT_ONCE))
        for some in rows.batches(ROWS_AT_ONCE, codes.ntotal):
            if interrupted():
                raise InterruptedError
            codes.add(_regrouped(some, codes.pq.M))
        return replace(self, codes=codes)

    def without(self, dead: IntArray) -> Sketch:
        """One without the rows `dead` (ascending), those after them moving up.

        It ends with the last whole block of codes: FAISS (1.15) adds codes to what removing leaves
        behind a block that isn't filled, so that what is found there is wrong. The few rows after
        it are covered again by `extended`.
        """
        if not len(dead):
            return self
        left = np.delete(np.arange(len(self)), dead)
        whole = len(left) - len(left) % self.codes.bbs
        gone = np.concatenate([dead, left[whole:]])
        codes = self._copied()
        codes.remove_ids(faiss.IDSelectorBatch(np.ascontiguousarray(gone)))
        return replace(self, codes=codes)

    def _copied(self) -> faiss.IndexPQFastScan:
        return cast("faiss.IndexPQFastScan", faiss.clone_index(self.codes))

    def unpacked(self) -> Sketch:
        """This very one; see `engine.indexes.kept_sketch`."""
        return self

    def at_hand(self, queries: int) -> Sketch:  # noqa: ARG002 -- as a kept one's
        """This very one."""
        return self

    def nearest(self, queries: FloatArray, count: int) -> IntArray:
        """The rows that look nearest to each of `queries (m, dim)`, best first.

        Returns:
            `(m, count) int64`, -1 where there are too few.
        """
        asked = _regrouped(queries, self.codes.pq.M)
        threads = threads_for(len(self) // SHARE)
        if len(queries) == 1 and threads > 1:
            return self._nearest_by_shares(asked, count, threads)
        faiss.omp_set_num_threads(threads_for(len(queries)))
        _, rows = self.codes.search(asked, count)
        found: IntArray = rows
        return found

    def _nearest_by_shares(self, asked: FloatArray, count: int, threads: int) -> IntArray:
        """`nearest` to one query, by several threads; what none of them began is done here."""
        if threads not in self._shared:
            self._shared[threads] = _shares(self.codes, threads)
        first, *others = self._shared[threads]
        waiting = [(share, _SCANNERS.submit(share.search, asked, count)) for share in others]
        found = [first.search(asked, count)]
        for share, future in waiting:
            found.append(share.search(asked, count) if future.cancel() else future.result())
        similarities = np.concatenate([of_share for of_share, _ in found])
        rows = np.concatenate([of_share for _, of_share in found])
        return rows[np.argsort(-similarities, kind="stable")[:count]][None]

    def compared(self, rows: Rows, numbers: IntArray, query: FloatArray) -> FloatArray:
        """Similarities of `query (dim,)` to some rows, which are read where they lie.

        Args:
            numbers: `(n,) int64`, of rows that are there: FAISS looks no row up that isn't.

        Returns:
            `(n,) float32`, within `scan.MATRIX_ERROR` of `scan.similarities`.
        """
        found = np.empty(len(numbers), np.float32)
        query = np.ascontiguousarray(query)
        for part, where in rows.places(numbers):
            some = np.ascontiguousarray(numbers[where] - part.first)
            of_part = np.empty(len(some), np.float32)
            _FAISS.fvec_inner_products_by_idx(
                faiss.swig_ptr(of_part),
                faiss.swig_ptr(query),
                faiss.swig_ptr(part.memory),
                faiss.swig_ptr(some),
                rows.dimension,
                1,
                len(some),
            )
            found[where] = of_part
        return found

    def to_bytes(self) -> ByteArray:
        """Codes and centroids, for `from_bytes`; the fit is kept apart."""
        data: ByteArray = faiss.serialize_index(self.codes)
        return data

    @classmethod
    def from_bytes(cls, data: ByteArray, fit: Fit) -> Sketch:
        """Read what `to_bytes` gave.

        Raises:
            ValueError: this FAISS can't read it.
        """
        try:
            codes = faiss.deserialize_index(data)
        except RuntimeError as error:
            raise ValueError(f"FAISS can't read the codes: {error}") from None
        if not isinstance(codes, faiss.IndexPQFastScan):
            raise ValueError(f"expected the codes of a fast scan but got {type(codes).__name__}")
        return cls(codes, fit)


_SCANNERS = ThreadPoolExecutor(thread_name_prefix="onelook-scan")


@dataclass(frozen=True, slots=True)
class _Share:
    """A copy of the codes of some of the rows, from the row `first` on."""

    first: int
    codes: faiss.IndexPQFastScan

    def search(self, asked: FloatArray, count: int) -> tuple[FloatArray, IntArray]:
        """What looks nearest to a query `(1, dim)`, best first: similarities and rows, `(k,)`."""
        faiss.omp_set_num_threads(1)
        similarities, places = self.codes.search(asked, min(count, int(self.codes.ntotal)))
        there = places[0] >= 0
        return similarities[0][there], places[0][there] + self.first


def _shares(codes: Any, threads: int) -> list[_Share]:
    """The codes dealt out in runs of whole blocks, as FAISS lays them out.

    Args:
        codes: an `IndexPQFastScan`, not all of which is in its type stubs.
    """
    block, rows = codes.bbs, int(codes.ntotal)
    table = faiss.rev_swig_ptr(codes.codes.data(), codes.codes.size())
    bytes_a_row = codes.codes.size() // int(codes.ntotal2)
    step = -(-rows // (threads * block)) * block
    made = []
    for first in range(0, rows, step):
        share = _FAISS.IndexPQFastScan(codes.d, codes.M, BITS, faiss.METRIC_INNER_PRODUCT, block)
        share.pq, share.is_trained = codes.pq, True
        share.ntotal = min(step, rows - first)
        share.ntotal2 = -(-share.ntotal // block) * block
        size = share.ntotal2 * bytes_a_row
        share.codes.resize(size)
        start = first * bytes_a_row
        faiss.rev_swig_ptr(share.codes.data(), size)[:] = table[start : start + size]
        made.append(_Share(first, share))
    return made


def _padded(dimension: int) -> int:
    """The least multiple of the largest group that holds a dimension."""
    return -(-dimension // LARGEST_GROUP) * LARGEST_GROUP


def _regrouped(vectors: FloatArray, groups: int) -> FloatArray:
    """Deal the dimensions out to `groups` in turn, filled up with zeros.

    Projected spaces list their dimensions by falling variance. Neighbours in one group would leave
    some groups everything to tell and others nothing; dealt out, each gets its share.
    """
    count, dimension = vectors.shape
    width = _padded(dimension)
    if width != dimension:
        vectors = np.pad(vectors, ((0, 0), (0, width - dimension)))
    return np.ascontiguousarray(
        vectors.reshape(count, width // groups, groups).swapaxes(1, 2)
    ).reshape(count, width)

"""Exact search: compare queries with every row of a run, and rank what comes out.

A single query goes through `numpy.vecdot`, which reads the rows once at memory speed on the
calling thread: a BLAS matrix-vector product spreads over threads that cost more to wake than they
save. Several queries are one matrix product, whose results differ in the last bits, so the best
rows are compared once more with `vecdot`. That makes a pair's similarity the same on every path.
"""

from __future__ import annotations

import numpy as np

from ..types import FloatArray, IntArray
from .rows import Rows

MATRIX_ERROR = 1e-5
"""More than a float32 product of unit rows differs between summation orders."""
SCORES_AT_ONCE = 1 << 22
"""How many similarities a batch may hold at a time: 16 MB."""


def similarities(vectors: FloatArray, query: FloatArray) -> FloatArray:
    """Inner products of `vectors (n, dim)` with `query (dim,)`: `(n,) float32`."""
    result: FloatArray = np.vecdot(vectors, query)
    return result


def scan_one(
    rows: Rows, start: int, dead: IntArray, query: FloatArray, k: int
) -> tuple[IntArray, FloatArray]:
    """The k rows nearest to `query (dim,)` among those from `start` on.

    Args:
        dead: rows to pass over, ascending.

    Returns:
        Row numbers and similarities, in no order; more than k where similarities tie, fewer where
        there aren't as many.
    """
    scores = np.empty(len(rows) - start, np.float32)
    for first, vectors in rows.runs(start):
        np.vecdot(vectors, query, out=scores[first - start : first - start + len(vectors)])
    scores[_from(dead, start)] = -np.inf
    nearest = best(scores, k, 0.0)
    return start + nearest, scores[nearest]


def scan_many(
    rows: Rows, start: int, dead: IntArray, queries: FloatArray, k: int
) -> list[IntArray]:
    """The rows that `scan_one` finds for each of `queries (m, dim)`, and those within rounding."""
    count = len(rows) - start
    skipped = _from(dead, start)
    found: list[IntArray] = []
    step = max(1, SCORES_AT_ONCE // max(1, count))
    room = np.empty((min(step, len(queries)), count), np.float32)
    for first_query in range(0, len(queries), step):
        some = queries[first_query : first_query + step]
        scores = room[: len(some)]
        for first, vectors in rows.runs(start):
            scores[:, first - start : first - start + len(vectors)] = some @ vectors.T
        scores[:, skipped] = -np.inf
        found.extend(start + best(of_query, k, MATRIX_ERROR) for of_query in scores)
    return found


def rank(
    rows: Rows, candidates: IntArray, exact: FloatArray, k: int
) -> tuple[FloatArray, IntArray]:
    """The best k of `candidates` by their exact similarities, ties by lower id.

    Returns:
        Similarities `(<= k,) float32` and ids `(<= k,) int64`.
    """
    if k < len(exact):
        kept = best(exact, k, 0.0)
        candidates, exact = candidates[kept], exact[kept]
    ids = rows.ids_of(candidates)
    order = np.lexsort((ids, -exact))[:k]
    return exact[order], ids[order]


def best(scores: FloatArray, k: int, error: float) -> IntArray:
    """Where the k greatest of `scores (n,)` stand, and any within `error` of the least of them."""
    if k < len(scores):
        bound = np.partition(scores, len(scores) - k)[len(scores) - k]
        return np.flatnonzero((scores >= bound - error) & (scores > -np.inf))
    return np.flatnonzero(scores > -np.inf)


def _from(dead: IntArray, start: int) -> IntArray:
    """Those of `dead` (ascending) at or after `start`, counted from there."""
    return dead[np.searchsorted(dead, start) :] - start

"""The rows among which a query's nearest neighbours are, compared exactly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..types import FloatArray, IntArray
from . import scan
from .state import State

if TYPE_CHECKING:
    from .sketch import Sketch

CANDIDATES_PER_NEIGHBOUR = 4
"""At least so many rows are compared exactly for each neighbour asked for. Up to fifty are found
among as few as a sketch's fit compares."""
MOST_OF_ALL = 8
"""A search for more than this fraction of the rows compares them all."""

BYTES_AT_ONCE = 1 << 18
"""So much of the rows of a batch's queries is copied out at a time: a part of a core's cache."""

Compared = tuple[IntArray, FloatArray]
"""Row numbers, live ones, in no order, and their exact similarities to a query."""


def nearest(state: State, queries: FloatArray, k: int) -> list[Compared]:
    """Rows that hold the k nearest of each of `queries (m, dim)`: exactly, or very nearly always.

    More than k of them where need be.
    """
    kept = state.sketch
    count = 0 if kept is None else max(kept.fit.candidates, CANDIDATES_PER_NEIGHBOUR * k)
    sketch = _worth_asking(state, len(queries), count)
    if sketch is None:
        return _scanned(state, 0, queries, k)
    found = _sketched(sketch, state.dead_below(len(sketch)), queries, count)
    best = [
        rows[scan.best(sketch.compared(state.rows, rows, query), k, scan.MATRIX_ERROR)]
        for rows, query in zip(found, queries, strict=True)
    ]
    return _with_waiting(state, sketch, queries, k, _compared(state, best, queries))


def looking_nearest(state: State, queries: FloatArray, k: int) -> list[Compared]:
    """The k rows that look nearest to each of `queries (m, dim)`.

    Those that are nearly the same as a query are among them: no others look nearer.
    """
    sketch = _worth_asking(state, len(queries), k)
    if sketch is None:
        return _scanned(state, 0, queries, k)
    found = _sketched(sketch, state.dead_below(len(sketch)), queries, k)
    return _with_waiting(state, sketch, queries, k, _compared(state, found, queries))


def _worth_asking(state: State, queries: int, count: int) -> Sketch | None:
    """The sketch, if it is there, and asking it for so many rows takes less than comparing all."""
    if state.sketch is None or MOST_OF_ALL * count > len(state.sketch):
        return None
    return state.sketch.at_hand(queries)


def _with_waiting(
    state: State, sketch: Sketch, queries: FloatArray, k: int, compared: list[Compared]
) -> list[Compared]:
    """What was found, and the k nearest of the rows that the sketch doesn't cover yet."""
    if len(sketch) == len(state.rows):
        return compared
    waiting = _scanned(state, len(sketch), queries, k)
    return [
        (np.concatenate([rows, more]), np.concatenate([exact, more_exact]))
        for (rows, exact), (more, more_exact) in zip(compared, waiting, strict=True)
    ]


def _scanned(state: State, start: int, queries: FloatArray, k: int) -> list[Compared]:
    if len(queries) == 1:
        return [scan.scan_one(state.rows, start, state.dead, queries[0], k)]
    return _compared(state, scan.scan_many(state.rows, start, state.dead, queries, k), queries)


def _compared(state: State, found: list[IntArray], queries: FloatArray) -> list[Compared]:
    """Those rows of each query with their exact similarities."""
    compared: list[Compared] = []
    most = max(map(len, found), default=0) * 4 * state.rows.dimension
    step = max(1, BYTES_AT_ONCE // max(1, most))
    for first in range(0, len(found), step):
        some = found[first : first + step]
        vectors = state.rows.take(some[0] if len(some) == 1 else np.concatenate(some))
        end = 0
        for rows, query in zip(some, queries[first : first + step], strict=True):
            start, end = end, end + len(rows)
            compared.append((rows, scan.similarities(vectors[start:end], query)))
    return compared


def _sketched(sketch: Sketch, dead: IntArray, queries: FloatArray, count: int) -> list[IntArray]:
    """`count` live rows that look nearest; removed ones among them are asked around."""
    if not len(dead):
        return [_live(rows, dead) for rows in sketch.nearest(queries, min(count, len(sketch)))]
    expected = math.ceil(1.2 * count * len(sketch) / max(1, len(sketch) - len(dead)))
    asked = max(count + min(count, len(dead)), expected)
    while True:
        asked = min(asked, len(sketch))
        found = [_live(rows, dead) for rows in sketch.nearest(queries, asked)]
        fewest = min((len(rows) for rows in found), default=count)
        if fewest >= count or asked >= min(count + len(dead), len(sketch)):
            return [rows[:count] for rows in found]
        asked *= 2


def _live(rows: IntArray, dead: IntArray) -> IntArray:
    """Those of `rows` that are there and not in `dead` (ascending), in their order."""
    rows = rows[rows >= 0]
    if not len(dead):
        return rows
    places = np.minimum(np.searchsorted(dead, rows), len(dead) - 1)
    living: IntArray = rows[dead[places] != rows]
    return living

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


Compared = tuple[IntArray, FloatArray]
"""Row numbers, live ones, in no order, and their exact similarities to a query."""


def nearest(state: State, queries: FloatArray, k: int) -> list[Compared]:
    """Rows that hold the k nearest of each of `queries (m, dim)`: exactly, or very nearly always.

    More than k of them where need be.
    """
    kept = state.sketch
    if kept is None:
        return _scanned(state, 0, queries, k)
    count = max(kept.fit.candidates, CANDIDATES_PER_NEIGHBOUR * k)
    if MOST_OF_ALL * count > len(kept):
        return _scanned(state, 0, queries, k)
    sketch = kept.at_hand(len(queries))
    if sketch is None:
        return _scanned(state, 0, queries, k)
    found = _sketched(sketch, state.dead_below(len(sketch)), queries, count)
    best = [
        rows[scan.best(sketch.compared(state.rows, rows, query), k, scan.MATRIX_ERROR)]
        for rows, query in zip(found, queries, strict=True)
    ]
    compared = _compared(state, best, queries)
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
    return [
        (rows, scan.similarities(state.rows.take(rows), query))
        for rows, query in zip(found, queries, strict=True)
    ]


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

"""Which points of a picture to keep: strong ones, but not all from one corner of it.

The picture is cut into `CELLS` × `CELLS` cells. Each cell's points are counted off from the
strongest, and points are taken by that count: first the strongest of each cell, then the seconds.
Half of the places go to the strongest points wherever they lie, since a crowd of strong points is
what a small print or a logo looks like.
"""

from __future__ import annotations

import numpy as np

from ..types import FloatArray, IntArray

CELLS = 8


def spread(places: FloatArray, strengths: FloatArray, points: int) -> IntArray:
    """`(k,) int64`: the points to keep, `k <= points`, the most telling first.

    Args:
        places: `(n, 2) float32`: x and y as shares of the width and height.
        strengths: `(n,) float32`: higher is better.
    """
    by_strength = np.argsort(-strengths, kind="stable")
    if strengths.size <= points:
        return by_strength
    anywhere, others = by_strength[: points // 2], by_strength[points // 2 :]
    cells = np.clip((places * CELLS).astype(np.int64), 0, CELLS - 1) @ np.array([1, CELLS])
    rank = _rank_in_cell(cells[by_strength])
    others_first = others[np.argsort(rank[points // 2 :], kind="stable")]
    return np.concatenate([anywhere, others_first[: points - anywhere.size]])


def _rank_in_cell(cells: IntArray) -> IntArray:
    """`(n,) int64`: how many before each are of the same cell."""
    order = np.argsort(cells, kind="stable")
    sorted_cells = cells[order]
    starts = np.flatnonzero(np.r_[True, sorted_cells[1:] != sorted_cells[:-1]])
    lengths = np.diff(np.r_[starts, cells.size])
    rank = np.empty(cells.size, np.int64)
    rank[order] = np.arange(cells.size) - np.repeat(starts, lengths)
    return rank

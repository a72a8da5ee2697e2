"""Confidence intervals by the percentile bootstrap, resampled by class.

Pictures of one class succeed and fail together, so whole classes are drawn with replacement, not
single queries (Efron and Tibshirani 1993, chapters 8 and 13).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..types import IntArray

REPLICATES = 500
LEVEL = 0.95
SEED = 20261123


class Groups:
    """Rows by group, ready to be drawn from.

    Args:
        groups: `(n,) int64`: the group that each row belongs to.
    """

    def __init__(self, groups: IntArray) -> None:
        self._rows = np.argsort(groups, kind="stable")
        self.ids, self._starts, self._sizes = np.unique(
            groups[self._rows], return_index=True, return_counts=True
        )

    def rows_of(self, drawn: IntArray) -> IntArray:
        """All rows of the drawn groups, given by their places in `ids`; repeats repeat."""
        sizes = self._sizes[drawn]
        ends = np.cumsum(sizes)
        within = np.arange(sizes.sum()) - np.repeat(ends - sizes, sizes)
        rows: IntArray = self._rows[np.repeat(self._starts[drawn], sizes) + within]
        return rows


def resamples(
    known: IntArray, strangers: IntArray, *, paired: bool, replicates: int | None = None
) -> Iterator[tuple[IntArray, IntArray]]:
    """Rows of the known queries and of the strangers, for one replicate after another.

    Args:
        known: `(n,) int64`: the classes of the known queries.
        strangers: `(m,) int64`: the groups of the strangers.
        replicates: how many; `REPLICATES` unless told otherwise.
        paired: both name the same classes, and a drawn class brings its rows on both sides.
    """
    random = np.random.default_rng(SEED)
    first, second = Groups(known), Groups(strangers)
    for _ in range(REPLICATES if replicates is None else replicates):
        drawn = _draw(random, first)
        others = drawn if paired else _draw(random, second)
        yield first.rows_of(drawn), second.rows_of(others)


def interval(values: list[float], groups: int) -> tuple[float, float]:
    """The central `LEVEL` of the replicates' values.

    No resample of a share of 0 or 1 differs from it, which is no proof; the rule of three bounds it
    instead: what was never seen in n groups may yet befall 3 in n (Hanley and Lippman-Hand 1983).

    Args:
        values: shares, one a replicate.
        groups: how many groups they were drawn from.
    """
    tail = (1.0 - LEVEL) / 2
    low, high = (float(value) for value in np.quantile(values, [tail, 1.0 - tail]))
    if high == 0.0:
        return 0.0, min(1.0, 3.0 / groups)
    if low == 1.0:
        return max(0.0, 1.0 - 3.0 / groups), 1.0
    return low, high


def _draw(random: np.random.Generator, groups: Groups) -> IntArray:
    if not groups.ids.size:
        return groups.ids
    return random.integers(groups.ids.size, size=groups.ids.size)

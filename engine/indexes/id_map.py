"""Finds a vector's row by its id."""

from __future__ import annotations

import numpy as np

from engine.types import IntArray

ABSENT = -1


class IdMap:
    """Which row holds which id: sorted arrays for most of them, a dictionary for recent ones.

    Twelve bytes an id where a dictionary alone would take a hundred. Not safe for threads: its
    owner holds a lock around every call.
    """

    def __init__(self, row_ids: IntArray, live: IntArray) -> None:
        """Start from every row's id, `(n,) int64`, and the ascending numbers of the live rows."""
        order = np.argsort(row_ids[live], kind="stable")
        self._sorted_rows = live[order].astype(np.int32)
        self._sorted_ids = row_ids[live][order]
        self._recent: dict[int, int] = {}  # also -1 for those of the arrays that were removed
        self._size = len(live)

    def __len__(self) -> int:
        return self._size

    def rows(self, ids: IntArray) -> IntArray:
        """The row of each of `ids (n,)`, -1 where there is none."""
        found = np.full(len(ids), ABSENT, np.int64)
        if len(self._sorted_ids):
            places = np.searchsorted(self._sorted_ids, ids)
            places[places == len(self._sorted_ids)] = 0
            hits = self._sorted_ids[places] == ids
            found[hits] = self._sorted_rows[places[hits]]
        if self._recent:
            recent = self._recent
            for place, example_id in enumerate(ids.tolist()):
                if (row := recent.get(example_id)) is not None:
                    found[place] = row
        return found

    def add(self, ids: IntArray, rows: IntArray) -> None:
        """Note that new `ids` are in `rows`."""
        self._recent.update(zip(ids.tolist(), rows.tolist(), strict=True))
        self._size += len(ids)

    def remove(self, ids: IntArray) -> None:
        """Note that `ids`, all of them there, are gone."""
        for example_id in ids.tolist():
            self._recent[example_id] = ABSENT
        self._size -= len(ids)

    def ids(self) -> IntArray:
        """Every id, ascending."""
        recent = np.fromiter(self._recent, np.int64, len(self._recent))
        rows = np.fromiter(self._recent.values(), np.int64, len(self._recent))
        kept = self._sorted_ids[~np.isin(self._sorted_ids, recent)]
        return np.sort(np.concatenate([kept, recent[rows != ABSENT]]))

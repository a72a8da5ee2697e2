"""Which class each example belongs to, and what each class is called, in memory.

Readers take no lock: an entry is filled in before the index can return its id, and a removed one
answers `NO_CLASS`, which callers skip.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.types import IntArray

NO_CLASS = -1


class ExampleTable:
    """A dense array from example id to class id, and a dictionary from class id to label."""

    def __init__(
        self, example_ids: IntArray, class_ids: IntArray, labels: Mapping[int, str]
    ) -> None:
        self._class_of = np.full(_capacity(example_ids), NO_CLASS, np.int64)
        self._class_of[example_ids] = class_ids
        self.labels: dict[int, str] = dict(labels)

    def ids(self) -> IntArray:
        """The ids of all examples, ascending."""
        return np.flatnonzero(self._class_of != NO_CLASS)

    def classes_of(self, example_ids: IntArray) -> IntArray:
        """The class of each example, any shape; `NO_CLASS` for padding and removed examples."""
        table = self._class_of
        inside = (example_ids >= 0) & (example_ids < table.shape[0])
        return np.where(inside, table[np.where(inside, example_ids, 0)], NO_CLASS)

    def examples_of(self, class_ids: IntArray) -> tuple[IntArray, IntArray]:
        """The examples of those classes: their ids and their classes' ids, by class, then by id."""
        ids = np.flatnonzero(np.isin(self._class_of, class_ids))
        order = np.argsort(self._class_of[ids], kind="stable")
        return ids[order], self._class_of[ids[order]]

    def set(self, example_ids: IntArray, class_ids: IntArray) -> None:
        """Enter examples, or move them to other classes."""
        if not example_ids.size:
            return
        if int(example_ids.max()) >= self._class_of.shape[0]:
            grown = np.full(_capacity(example_ids), NO_CLASS, np.int64)
            grown[: self._class_of.shape[0]] = self._class_of
            grown[example_ids] = class_ids
            self._class_of = grown
        else:
            self._class_of[example_ids] = class_ids

    def remove(self, example_ids: IntArray) -> None:
        """Forget examples; ids that aren't there are ignored."""
        inside = example_ids[example_ids < self._class_of.shape[0]]
        self._class_of[inside] = NO_CLASS


def _capacity(example_ids: IntArray) -> int:
    highest = int(example_ids.max()) if example_ids.size else 0
    return max(1024, 2 * highest)

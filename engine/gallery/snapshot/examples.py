"""Which class each example belongs to."""

from __future__ import annotations

import numpy as np

from ...types import IntArray
from ...versioned import IdTable

NO_CLASS = -1


class ExampleTable:
    """An immutable version of the table from example id to class id; see `engine.versioned`."""

    __slots__ = ("_classes",)

    def __init__(self, example_ids: IntArray, class_ids: IntArray) -> None:
        """`(n,) int64` each; example ids are distinct."""
        self._classes = IdTable(example_ids, class_ids.astype(np.int64, copy=False))

    def __len__(self) -> int:
        return len(self._classes)

    def ids(self) -> IntArray:
        """The ids of all examples, ascending."""
        return self._classes.ids()

    def classes_of(self, example_ids: IntArray) -> IntArray:
        """The class of each example, any shape; `NO_CLASS` for padding and for ids not there."""
        classes: IntArray = self._classes.get(example_ids, NO_CLASS)
        return classes

    def examples_of(self, class_ids: IntArray) -> tuple[IntArray, IntArray]:
        """The examples of those classes: their ids and their classes' ids, by class, then by id."""
        ids = self._classes.ids_of(class_ids)
        classes = self.classes_of(ids)
        order = np.argsort(classes, kind="stable")
        return ids[order], classes[order]

    def updated(self, example_ids: IntArray, class_ids: IntArray) -> ExampleTable:
        """The version in which examples, new ones or moved ones, belong to those classes."""
        return self._of(self._classes.updated(example_ids, class_ids))

    def without(self, example_ids: IntArray) -> ExampleTable:
        """The version without some examples; ids that aren't there don't matter."""
        return self._of(self._classes.without(example_ids))

    def within(self, class_ids: IntArray) -> ExampleTable:
        """The table of those classes alone."""
        return ExampleTable(*self.examples_of(class_ids))

    @staticmethod
    def _of(classes: IdTable) -> ExampleTable:
        made = object.__new__(ExampleTable)
        made._classes = classes
        return made

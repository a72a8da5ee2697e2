"""The examples that are texts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Self

import numpy as np

from ...indexes import SketchedIndex, VectorReader
from ...types import FloatArray, IntArray
from .examples import ExampleTable


class TextTable:
    """An immutable version of the texts, apart from the pictures and from their index.

    A text's cosines with pictures are far lower than another picture's, so that in one search no
    text would ever be found. There are few of them: every change makes the table anew.

    Attributes:
        examples: which class each belongs to.
        texts: by example id.
        vectors: `(n, dim) float32`, unit rows of the searched space, in the order of their ids.
        words: `(m, dim) float32`, likewise: the everyday words that they are measured against.
        beside: `(b, dim) float32`, likewise: the texts of classes that a filter leaves out.
    """

    def __init__(
        self,
        ids: IntArray,
        class_ids: IntArray,
        vectors: FloatArray,
        texts: Mapping[int, str],
        words: FloatArray,
        beside: FloatArray | None = None,
    ) -> None:
        """`ids (n,) int64`, ascending, and `class_ids (n,)`, their classes'."""
        self.examples = ExampleTable(ids, class_ids)
        self.vectors, self.texts, self.words = vectors, texts, words
        self.beside = vectors[:0] if beside is None else beside

    @classmethod
    def none(cls) -> Self:
        """A table without any."""
        nothing, nowhere = np.empty(0, np.int64), np.empty((0, 1), np.float32)
        return cls(nothing, nothing, nowhere, {}, nowhere)

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def class_ids(self) -> IntArray:
        """Their classes, `(n,) int64`, in the order of their ids."""
        return self.examples.classes_of(self.examples.ids())

    @cached_property
    def index(self) -> VectorReader:
        """Searches them."""
        index = SketchedIndex(self.vectors.shape[1], background=False)
        index.add(self.examples.ids(), self.vectors)
        return index.reader()

    def within(self, class_ids: IntArray) -> TextTable:
        """The table of those classes alone, the others beside."""
        ids, owners = self.examples.ids(), self.class_ids
        kept = np.isin(owners, class_ids)
        return TextTable(
            ids[kept],
            owners[kept],
            self.vectors[kept],
            {i: self.texts[i] for i in ids[kept].tolist()},
            self.words,
            self.vectors[~kept],
        )

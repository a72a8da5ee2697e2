"""Descriptors of enrolled pictures, each with its example's id, in arrays."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from ..local.coding import CODE_BYTES, CodedFeatures, WordArray
from ..types import ByteArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """Parallel arrays.

    Attributes:
        ids: `(n,) int64`: of examples.
        words: `(n,) uint16`: of descriptors.
        codes: `(n, 32) uint8`: likewise.
    """

    ids: IntArray
    words: WordArray
    codes: ByteArray

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, features: Mapping[int, CodedFeatures]) -> Postings:
        """All descriptors of examples, by their ids."""
        examples = list(features.values())
        ids = np.array(list(features), np.int64)
        return cls(
            np.repeat(ids, np.array([len(each) for each in examples], np.int64)),
            np.concatenate([np.empty(0, np.uint16), *(each.words for each in examples)]),
            np.concatenate(
                [np.empty((0, CODE_BYTES), np.uint8), *(each.codes for each in examples)]
            ),
        )

    def without(self, example_ids: Collection[int]) -> Postings:
        """Those of other examples."""
        if not example_ids:
            return self
        kept = ~np.isin(self.ids, np.array(sorted(example_ids), np.int64))
        return Postings(self.ids[kept], self.words[kept], self.codes[kept])

    def and_others(self, others: Postings) -> Postings:
        """Both, these first."""
        return Postings(
            np.concatenate([self.ids, others.ids]),
            np.concatenate([self.words, others.words]),
            np.concatenate([self.codes, others.codes]),
        )

    def by_word(self) -> Postings:
        """The same in the order of their words, and by id where those are equal."""
        order = np.lexsort((self.ids, self.words))
        return Postings(self.ids[order], self.words[order], self.codes[order])

"""The pictures that stand for impostors: a bounded, stable sample of the gallery.

Up to `COHORT_SIZE` enrolled examples, those whose contents hash lowest, in that order: so every
process draws the same sample, whenever and in whatever order the pictures came, and a new example
rarely changes it. A gallery of few classes says little about impostors; up to `LEAST_SIZE`,
embeddings shipped for the backbone fill the cohort.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ...decision import PICTURES, TEXTS, Scale
from ...indexes import VectorReader
from ...products import products
from ...types import FloatArray, IntArray
from .examples import NO_CLASS, ExampleTable

COHORT_SIZE = 2048
LEAST_SIZE = 512
ITSELF = 0.9999
"""From this similarity on, a shipped picture is the query itself, so no impostor of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """A sample of impostors.

    Attributes:
        class_ids: `(n,) int64`; `NO_CLASS` for shipped ones.
        example_ids: `(n,) int64`; -1 for shipped ones.
        vectors: `(n, dim) float32`, unit rows of the searched space.
        shipped: `(m, dim) float32`: the shipped ones among them, which come last.
        beside: `(b, dim) float32`: enrolled pictures of classes that a filter leaves out. What a
            query is measured against they are, but no rivals: they may show the very same thing.
        scale: of the similarities that are measured against it.
    """

    class_ids: IntArray
    example_ids: IntArray
    vectors: FloatArray
    shipped: FloatArray
    beside: FloatArray
    scale: Scale = PICTURES

    @classmethod
    def of(
        cls, index: VectorReader, table: ExampleTable, shipped: FloatArray, ids: IntArray
    ) -> Cohort:
        """The cohort of those examples.

        Args:
            shipped: `(m, dim) float32`, unit rows.
            ids: `(n,) int64`; those that aren't enrolled any more are left out.
        """
        ids, vectors = index.held(ids[table.classes_of(ids) >= 0])
        filling = shipped[: max(0, LEAST_SIZE - ids.size)]
        return cls(
            class_ids=np.concatenate([table.classes_of(ids), np.full(len(filling), NO_CLASS)]),
            example_ids=np.concatenate([ids, np.full(len(filling), -1)]),
            vectors=np.concatenate([vectors, filling]),
            shipped=filling,
            beside=vectors[:0],
        )

    def within(self, class_ids: IntArray) -> Cohort:
        """The cohort of a gallery of which only those classes are searched."""
        others = (self.class_ids != NO_CLASS) & ~np.isin(self.class_ids, class_ids)
        return replace(self, beside=self.vectors[np.flatnonzero(others)[:LEAST_SIZE]])

    def of_texts(self, words: FloatArray, beside: FloatArray) -> Cohort:
        """What texts are compared with: they with these pictures, and a query with other texts.

        Args:
            words: `(m, dim) float32`, unit rows: everyday words, in the place of shipped pictures.
            beside: `(b, dim) float32`, unit rows: the texts of classes that a filter leaves out.
        """
        return replace(self, shipped=words, beside=beside, scale=TEXTS)

    def __len__(self) -> int:
        return len(self.class_ids)

    def impostor_similarities(self, vectors: FloatArray, class_ids: IntArray) -> FloatArray:
        """`(n, len(self)) float32`: each vector's similarities to the pictures of other classes.

        Pictures of the vector's own class are marked `-inf`.
        """
        similarities = products(vectors, self.vectors)
        similarities[class_ids[:, None] == self.class_ids[None, :]] = -np.inf
        return similarities

    def shipped_similarities(self, queries: FloatArray) -> FloatArray:
        """`(n, m) float32`: those of queries `(n, dim) float32` to the shipped pictures.

        The query itself, where it is one of them, is marked `-inf`.
        """
        similarities = products(queries, self.shipped)
        similarities[similarities >= ITSELF] = -np.inf
        return similarities


class Draw:
    """A cohort that is drawn when it is first asked for, of what was enrolled when this was made.

    A gallery that is opened to be listed or written to needs none, and drawing one reads vectors.
    """

    def __init__(self, draw: Callable[[], Cohort]) -> None:
        self._draw: Callable[[], Cohort] | None = draw
        self._cohort: Cohort | None = None

    @classmethod
    def of(
        cls, index: VectorReader, examples: ExampleTable, shipped: FloatArray, ids: IntArray
    ) -> Draw:
        """Draws `Cohort.of` those."""
        return cls(partial(Cohort.of, index, examples, shipped, ids))

    @property
    def drawn(self) -> bool:
        """Whether anybody has asked for it."""
        return self._cohort is not None

    def cohort(self) -> Cohort:
        """The cohort; threads that ask for it first at the same time draw the same one."""
        draw = self._draw
        if self._cohort is None and draw is not None:
            self._cohort = draw()
        self._draw = None
        assert self._cohort is not None
        return self._cohort

    def within(self, class_ids: IntArray) -> Draw:
        """The same where only those classes are searched."""
        return Draw(lambda: self.cohort().within(class_ids))


def sampled(ids: IntArray) -> IntArray:
    """Those of `ids (n,)` that a cohort takes where nothing is known of the pictures' contents."""
    if ids.size <= COHORT_SIZE:
        return ids
    lowest: IntArray = np.argpartition(_hashes(ids), COHORT_SIZE)[:COHORT_SIZE]
    return np.sort(ids[lowest])


def _hashes(ids: IntArray) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """A fixed pseudo-random number for each id: SplitMix64's finalizer (Steele et al. 2014)."""
    z = ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))

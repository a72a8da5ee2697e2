"""Each class's statistics against its impostors.

They are stored when a class is enrolled, refreshed when the gallery has doubled, and computed on
the spot for a class that has none (a crash came in between, or the searched space is new).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ...decision import highest, moments
from ...decision.scores import Float64Array
from ...indexes import VectorReader
from ...types import ClassStatistics, FloatArray, IntArray
from .cohort import Cohort
from .examples import ExampleTable

BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredClasses(Mapping[int, ClassStatistics]):
    """Statistics of classes by their ids, in columns: an object for each takes ten times as much.

    Attributes:
        class_ids: `(n,) int64`, ascending.
        moments: `(n, 2) float64`: means and deviations.
        sizes: `(n,) int64`: of the cohorts.
    """

    class_ids: IntArray
    moments: Float64Array
    sizes: IntArray

    def __len__(self) -> int:
        return self.class_ids.size

    def __iter__(self) -> Iterator[int]:
        for first in range(0, len(self), BATCH):
            yield from self.class_ids[first : first + BATCH].tolist()

    def __getitem__(self, class_id: int) -> ClassStatistics:
        place = int(np.searchsorted(self.class_ids, class_id))
        if place == len(self) or self.class_ids[place] != class_id:
            raise KeyError(class_id)
        mean, std = self.moments[place].tolist()
        return ClassStatistics(mean, std, int(self.sizes[place]))


def class_statistics(
    cohort: Cohort, vectors: FloatArray, class_ids: IntArray
) -> tuple[IntArray, Float64Array, IntArray]:
    """Statistics of classes from all of their examples, as `MeasuredClasses` holds them.

    An impostor's similarity to a class is that to the class's best example.

    Args:
        vectors: `(n, dim) float32`, the examples, unit rows of the searched space.
        class_ids: `(n,) int64`, their classes, ascending.
    """
    heads = np.flatnonzero(np.diff(class_ids, prepend=-1))
    similarities = cohort.impostor_similarities(vectors, class_ids)
    best = similarities
    if heads.size < len(similarities):
        best = np.maximum.reduceat(similarities, heads, axis=0)
    known = np.isfinite(best).sum(axis=1)
    found = np.array([moments(row, cohort.scale) for row in highest(best)], np.float64)
    return class_ids[heads], found.reshape(-1, 2), known


def statistics_of(
    index: VectorReader, examples: ExampleTable, cohort: Cohort, class_ids: IntArray
) -> MeasuredClasses:
    """Statistics of enrolled classes; classes without examples are left out."""
    ids, owners = examples.examples_of(class_ids)
    heads = np.flatnonzero(np.diff(owners, prepend=-1))
    none = np.empty(0, np.int64)
    found = [(none, np.empty((0, 2)), none)]
    for first in range(0, heads.size, BATCH):  # not all vectors at once: they may lie elsewhere
        end = heads[first + BATCH] if first + BATCH < heads.size else ids.size
        some = slice(int(heads[first]), int(end))
        held, vectors = index.held(ids[some])
        still = np.isin(ids[some], held)
        if held.size:
            found.append(class_statistics(cohort, vectors, owners[some][still]))
    return MeasuredClasses(*(np.concatenate(column) for column in zip(*found, strict=True)))

"""Each class's statistics against its impostors, held in memory by class id.

They are stored when a class is enrolled, refreshed when the gallery has doubled, and computed on
the spot for a class that has none (a crash came in between, or the searched space is new).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.decision import NEIGHBOURS, Moments, moments
from engine.decision.scores import Float64Array
from engine.gallery.cohort import Cohort
from engine.gallery.table import ExampleTable
from engine.indexes import VectorIndex
from engine.types import ClassStatistics, FloatArray, IntArray

BATCH = 1024


class StatisticsTable:
    """Dense arrays of means and deviations by class id; not-a-number where nothing is known."""

    def __init__(self) -> None:
        self._means = np.full(1024, np.nan)
        self._stds = np.full(1024, np.nan)

    def update(self, known: Mapping[int, ClassStatistics]) -> None:
        """Enter or replace statistics."""
        self.enter(
            np.fromiter(known, np.int64),
            np.array([entry.mean for entry in known.values()], np.float64),
            np.array([entry.std for entry in known.values()], np.float64),
        )

    def enter(self, class_ids: IntArray, means: Float64Array, stds: Float64Array) -> None:
        """Enter or replace statistics, `(n,)` each."""
        if class_ids.size:
            self._grow(int(class_ids.max()))
            self._means[class_ids] = means
            self._stds[class_ids] = stds

    def forget(self, class_ids: Sequence[int]) -> None:
        """Drop what is known of classes."""
        ids = np.array([i for i in class_ids if i < self._means.shape[0]], np.int64)
        self._means[ids] = np.nan

    def moments_of(self, class_ids: IntArray) -> Moments:
        """The classes' moments, `(n,)` each; not-a-number where nothing is known."""
        inside = class_ids < self._means.shape[0]
        ids = np.where(inside, class_ids, 0)
        return Moments(
            np.where(inside, self._means[ids], np.nan), np.where(inside, self._stds[ids], np.nan)
        )

    def _grow(self, highest: int) -> None:
        size = self._means.shape[0]
        if highest >= size:
            more = np.full(2 * highest - size, np.nan)
            self._means = np.concatenate([self._means, more])
            self._stds = np.concatenate([self._stds, more])


def class_statistics(
    cohort: Cohort, vectors: FloatArray, class_ids: IntArray
) -> dict[int, ClassStatistics]:
    """Statistics of classes from all of their examples.

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
    if best.shape[1] > NEIGHBOURS:
        best = np.partition(best, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
    return {
        int(class_id): ClassStatistics(float(mean), float(std), int(size))
        for class_id, mean, std, size in zip(class_ids[heads], *moments(best), known, strict=True)
    }


def statistics_of(
    index: VectorIndex, table: ExampleTable, cohort: Cohort, class_ids: IntArray
) -> dict[int, ClassStatistics]:
    """Statistics of enrolled classes, by id; classes without examples are left out."""
    ids, owners = table.examples_of(class_ids)
    heads = np.flatnonzero(np.diff(owners, prepend=-1))
    found: dict[int, ClassStatistics] = {}
    for first in range(0, heads.size, BATCH):  # not all vectors at once: they may lie elsewhere
        end = heads[first + BATCH] if first + BATCH < heads.size else ids.size
        some = slice(int(heads[first]), int(end))
        held, vectors = index.held(ids[some])
        still = np.isin(ids[some], held)
        if held.size:
            found |= class_statistics(cohort, vectors, owners[some][still])
    return found

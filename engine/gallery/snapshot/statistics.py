"""Each class's statistics against its impostors.

They are stored when a class is enrolled, refreshed when the gallery has doubled, and computed on
the spot for a class that has none (a crash came in between, or the searched space is new).
"""

from __future__ import annotations

import numpy as np

from ...decision import NEIGHBOURS, moments
from ...indexes import VectorReader
from ...types import ClassStatistics, FloatArray, IntArray
from .cohort import Cohort
from .examples import ExampleTable

BATCH = 1024


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
        for class_id, mean, std, size in zip(
            class_ids[heads], *moments(best, cohort.scale), known, strict=True
        )
    }


def statistics_of(
    index: VectorReader, examples: ExampleTable, cohort: Cohort, class_ids: IntArray
) -> dict[int, ClassStatistics]:
    """Statistics of enrolled classes, by id; classes without examples are left out."""
    ids, owners = examples.examples_of(class_ids)
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

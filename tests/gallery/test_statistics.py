"""Classes' statistics: all at once, as a calibration asks for them, and each by itself."""

from __future__ import annotations

import numpy as np
import pytest

from engine.gallery.snapshot import Snapshot
from engine.gallery.snapshot.cohort import Cohort
from engine.gallery.snapshot.examples import ExampleTable
from engine.gallery.snapshot.statistics import MeasuredClasses, statistics_of
from engine.indexes import SketchedIndex
from engine.projections import Projection
from engine.testing.vectors import clustered_rows
from engine.types import ClassStatistics, Space

SPACE = Space("made", "w" * 64, "p" * 64, 16)


@pytest.fixture(params=[2, 256], ids=["in batches", "at once"])
def measured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> MeasuredClasses:
    """Of 40 classes, of two examples each, and of one that has none."""
    monkeypatch.setattr("engine.gallery.snapshot.statistics.BATCH", request.param)
    rows = clustered_rows(80, 8)
    ids = np.arange(1, 81)
    index = SketchedIndex(8, background=False)
    index.add(ids, rows)
    examples = ExampleTable(ids, 100 + (ids - 1) // 2)
    cohort = Cohort.of(index, examples, rows[:0], ids)
    return statistics_of(index, examples, cohort, np.arange(100, 141))


def test_every_class_with_examples_is_measured_against_all_others(
    measured: MeasuredClasses,
) -> None:
    assert list(measured) == list(range(100, 140))
    assert {entry.cohort_size for entry in measured.values()} == {78}
    assert measured.get(140) is None
    assert measured.get(99) is None


def test_a_class_alone_measures_the_same(measured: MeasuredClasses) -> None:
    alone = [measured[class_id] for class_id in (100, 107, 119)]
    assert all(isinstance(entry, ClassStatistics) for entry in alone)
    rows = measured.moments[[0, 7, 19]]
    assert [(entry.mean, entry.std) for entry in alone] == [tuple(row) for row in rows.tolist()]


def test_a_mean_is_that_of_the_fifty_most_similar_others(measured: MeasuredClasses) -> None:
    rows = clustered_rows(80, 8).astype(np.float64)
    best = np.maximum(rows[14] @ rows.T, rows[15] @ rows.T)
    others = np.sort(np.delete(best, [14, 15]))[-50:]
    assert measured[107].mean == pytest.approx(others.mean(), abs=1e-5)


def test_statistics_that_came_after_a_class_was_computed_are_the_ones_that_count() -> None:
    rows, ids = clustered_rows(12, 16), np.arange(1, 13)
    snapshot = Snapshot.in_memory(
        space=SPACE,
        projection=Projection.identity(16),
        example_ids=ids,
        class_ids=ids,
        embeddings=rows,
        labels={i: str(i) for i in ids.tolist()},
        shipped=rows[:0],
        target_fpir=0.05,
    )
    [computed] = snapshot.moments_of(np.array([1]))
    told = MeasuredClasses(np.array([1]), np.array([[0.25, 0.125]]), np.array([11]))

    one, other = snapshot.with_statistics(told).moments_of(np.array([1, 2]))

    assert computed != one == (0.25, 0.125)
    assert [other] == snapshot.moments_of(np.array([2]))

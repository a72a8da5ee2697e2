"""Approximate search: what it finds, when it is used, and what it says of itself."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from engine.indexes import NumpyIndex, SketchedIndex, sketch
from engine.indexes.compaction import Limits
from engine.indexes.fit import Fit
from engine.indexes.rows import Rows
from engine.indexes.sketch import Sketch, _regrouped
from engine.testing.vectors import clustered_rows, seen_again, unit_rows

COUNT = 25_000
DIMENSION = 96


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return clustered_rows(COUNT + 250, DIMENSION)[:COUNT]


@pytest.fixture(scope="module")
def strangers() -> np.ndarray:
    """Rows like those of the index, but not in it."""
    return clustered_rows(COUNT + 250, DIMENSION)[COUNT:]


@pytest.fixture(scope="module")
def pair(rows: np.ndarray) -> tuple[SketchedIndex, NumpyIndex]:
    """An approximate index and the oracle, holding the same."""
    approximate, exact = SketchedIndex(DIMENSION, background=False), NumpyIndex(DIMENSION)
    for index in (approximate, exact):
        index.add(np.arange(COUNT), rows)
    approximate.compact()
    assert approximate.describe()["kind"] == "approximate"
    return approximate, exact


@pytest.mark.parametrize("k", [1, 10, 64])
def test_at_least_99_of_100_nearest_rows_are_found(
    pair: tuple[SketchedIndex, NumpyIndex], rows: np.ndarray, strangers: np.ndarray, k: int
) -> None:
    approximate, exact = pair
    for queries in (seen_again(rows[::100]), strangers):
        similarities, ids = approximate.search(queries, k)
        expected_similarities, expected_ids = exact.search(queries, k)
        nearest = similarities[:, 0] >= expected_similarities[:, 0] - 1e-6
        assert nearest.mean() >= 0.99
        found = [len(np.intersect1d(*both)) / k for both in zip(ids, expected_ids, strict=True)]
        assert np.mean(found) >= 0.98


def test_similarities_are_exact_however_they_were_found(
    pair: tuple[SketchedIndex, NumpyIndex], rows: np.ndarray
) -> None:
    queries = seen_again(rows[:40])
    similarities, ids = pair[0].search(queries, 10)
    expected = np.einsum("md,mkd->mk", queries.astype(np.float64), rows[ids].astype(np.float64))
    np.testing.assert_allclose(similarities, expected, atol=1e-6)
    assert (np.diff(similarities, axis=1) <= 0).all()


@pytest.mark.parametrize("waiting", [0, 900])
def test_what_is_nearly_the_same_is_found_for_less(rows: np.ndarray, waiting: int) -> None:
    """Whether the sketch covers it or not, and among siblings."""
    index = SketchedIndex(DIMENSION, background=False)
    index.add(np.arange(COUNT - waiting), rows[: COUNT - waiting])
    index.compact()
    index.add(np.arange(COUNT - waiting, COUNT), rows[COUNT - waiting :])
    again = seen_again(rows[::25], noise=0.2)  # at a cosine of 0.98
    similarities, ids = index.nearly_same(again, 32)
    close = (again @ rows.T) >= 0.97
    found = np.zeros_like(close)
    found[np.arange(len(again))[:, None], ids] = True
    assert (found & close).sum() >= 0.999 * close.sum()
    expected = np.einsum("md,mkd->mk", again.astype(np.float64), rows[ids].astype(np.float64))
    np.testing.assert_allclose(similarities, expected, atol=1e-6)


def test_asking_for_much_of_an_index_compares_all_of_it(
    pair: tuple[SketchedIndex, NumpyIndex], rows: np.ndarray
) -> None:
    approximate, exact = pair
    _, ids = approximate.search(rows[:1], 2000)
    _, expected = exact.search(rows[:1], 2000)
    assert len(np.intersect1d(ids, expected)) >= 1999  # rounding may swap the last


def test_rows_added_and_removed_since_are_seen(rows: np.ndarray) -> None:
    index = SketchedIndex(DIMENSION, background=False)
    index.add(np.arange(COUNT), rows)
    index.compact()
    fresh = clustered_rows(50, DIMENSION, seed=9)
    index.add(np.arange(COUNT, COUNT + 50), fresh)
    assert index.search(fresh, 1)[1][:, 0].tolist() == list(range(COUNT, COUNT + 50))
    index.remove(np.arange(COUNT, COUNT + 50, 2))
    index.remove(np.arange(0, 1000, 2))
    assert not np.isin(index.search(fresh, 10)[1], np.arange(COUNT, COUNT + 50, 2)).any()
    assert index.search(rows[1:1000:2], 1)[1][:, 0].tolist() == list(range(1, 1000, 2))
    assert not np.isin(index.search(rows[:1000:2], 10)[1], np.arange(0, 1000, 2)).any()


def test_removing_a_whole_neighbourhood_uncovers_what_lies_behind(rows: np.ndarray) -> None:
    index, oracle = SketchedIndex(DIMENSION, background=False), NumpyIndex(DIMENSION)
    for held in (index, oracle):
        held.add(np.arange(COUNT), rows)
    index.compact()
    query = rows[:1]
    near = oracle.search(query, 1500)[1][0]
    for held in (index, oracle):
        held.remove(near)
    assert index.describe()["removed"] == 1500
    similarities, ids = index.search(query, 5)
    assert not np.isin(ids, near).any()
    np.testing.assert_allclose(similarities, oracle.search(query, 5)[0], atol=0.02)


def test_an_index_changes_with_its_size_and_does_not_sway(low_limits: Limits) -> None:
    index = SketchedIndex(8, limits=low_limits, background=False)
    vectors = unit_rows(300)
    index.add(np.arange(199), vectors[:199])
    assert not index.compaction_due
    index.add([199], vectors[199:200])
    assert index.compaction_due
    index.compact()
    assert index.describe()["kind"] == "approximate"
    assert not index.compaction_due

    index.remove(np.arange(100))
    index.compact()
    assert index.describe() | {"kind": "approximate", "size": 100, "removed": 0} == index.describe()
    index.remove([100])
    assert index.compaction_due
    index.compact()
    assert index.describe() == {"kind": "exact", "size": 99, "dimension": 8, "removed": 0}


def test_what_waits_outside_the_sketch_is_folded_in(low_limits: Limits) -> None:
    index = SketchedIndex(8, limits=low_limits, background=False)
    vectors = unit_rows(330)
    index.add(np.arange(300), vectors[:300])
    index.compact()
    index.add(np.arange(300, 315), vectors[300:315])
    assert index.describe()["waiting"] == 15
    assert not index.compaction_due
    index.add(np.arange(315, 330), vectors[315:])
    assert index.compaction_due
    index.compact()
    assert index.describe()["waiting"] == 0
    assert index.describe()["fitted_at"] == 300


def test_an_index_that_has_grown_much_is_fitted_anew(low_limits: Limits) -> None:
    index = SketchedIndex(8, limits=low_limits, background=False)
    vectors = unit_rows(800)
    index.add(np.arange(200), vectors[:200])
    index.compact()
    index.add(np.arange(200, 800), vectors[200:])
    index.compact()
    assert index.describe()["fitted_at"] == 800


def test_it_compacts_by_itself_in_the_background(low_limits: Limits) -> None:
    index = SketchedIndex(8, limits=low_limits)
    vectors = unit_rows(300)
    index.add(np.arange(300), vectors)
    index.compact()  # waits for the one under way
    assert index.describe()["kind"] == "approximate"
    assert not index.compaction_due


def test_rows_that_no_sketch_can_tell_apart_are_searched_exactly(low_limits: Limits) -> None:
    centres = np.repeat(unit_rows(20, 16), 1500, axis=0)  # a code tells 16 places a dimension apart
    rows = centres + 0.02 * unit_rows(30_000, 16, seed=1)
    index = SketchedIndex(16, limits=low_limits, background=False)
    index.add(np.arange(30_000), rows / np.linalg.norm(rows, axis=1, keepdims=True))
    index.compact()
    described = index.describe()
    assert described["kind"] == "exact"
    assert described["recall"]["at_10"] < 0.98
    assert not index.compaction_due


def test_dimensions_that_no_group_divides_are_filled_up(low_limits: Limits) -> None:
    rows = clustered_rows(9000, 37)
    index, oracle = SketchedIndex(37, limits=low_limits, background=False), NumpyIndex(37)
    for held in (index, oracle):
        held.add(np.arange(9000), rows)
    index.compact()
    assert index.describe()["kind"] == "approximate"
    queries = seen_again(rows[::90])
    assert (index.search(queries, 1)[1] == oracle.search(queries, 1)[1]).mean() >= 0.99


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
@pytest.mark.parametrize(("count", "threads"), [(1, 2), (300, 2), (300, 3), (4_999, 3), (5_000, 2)])
def test_many_codes_are_scanned_by_several_threads(
    rows: np.ndarray, monkeypatch: pytest.MonkeyPatch, count: int, threads: int, *, busy: bool
) -> None:
    """What a thread of its own scans is what one thread finds, and nobody waits for one."""
    held = Rows(DIMENSION).attach(np.arange(5_000), rows[:5_000])
    alone = Sketch.trained(rows[:5_000], Fit(8, 0, {}, 5_000)).extended(held, lambda: False)
    similarities, found = alone.codes.search(_regrouped(rows[7:8], alone.codes.pq.M), 5_000)
    of_row = dict(zip(found[0].tolist(), similarities[0].tolist(), strict=True))
    monkeypatch.setattr(sketch, "SHARE", 500)
    monkeypatch.setattr(sketch, "threads_for", lambda pieces: min(pieces, threads))
    go_on = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(sketch, "_SCANNERS", pool)
        if busy:
            pool.submit(go_on.wait)
        for _ in range(2):
            [shared] = alone.nearest(rows[7:8], count)
            assert len(set(shared.tolist())) == count
            assert [of_row[row] for row in shared.tolist()] == similarities[0][:count].tolist()
        go_on.set()
        grown = alone.extended(held.attach(np.arange(40), rows[-40:]), lambda: False)
        assert set(grown.nearest(rows[7:8], 5_040)[0].tolist()) == set(range(5_040))

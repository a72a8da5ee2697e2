"""Searches, writes and compactions at once."""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from engine.indexes import SketchedIndex, candidates, sketched_index
from engine.indexes.compaction import Limits, compacted
from engine.indexes.fitting import fitted
from engine.indexes.rows import Rows
from engine.indexes.state import State
from engine.testing.vectors import unit_rows

LIMITS = Limits(approximate_from=500, exact_below=300, uncovered=0.05, dead=0.05, trifle=20)
DIMENSION = 16


def test_searches_find_what_is_there_while_a_sketch_comes_goes_and_grows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(candidates, "MOST_OF_ALL", 1)  # even where few rows are left
    index = SketchedIndex(DIMENSION, limits=LIMITS)
    lasting, passing = unit_rows(2500, DIMENSION), unit_rows(2500, DIMENSION, seed=1)
    index.add(np.arange(200), lasting[:200])
    kinds: set[str] = set()
    failures: list[BaseException] = []
    done = threading.Event()

    def watch(task: Callable[[np.random.Generator], None], seed: int) -> None:
        random = np.random.default_rng(seed)
        try:
            while not done.is_set():
                task(random)
        except BaseException as failure:  # a thread's failure is the test's
            failures.append(failure)

    def search(random: np.random.Generator) -> None:
        some = random.integers(200, size=random.integers(1, 4))
        similarities, ids = index.search(lasting[some], 3)
        assert ids[:, 0].tolist() == some.tolist()
        np.testing.assert_allclose(similarities[:, 0], 1, atol=1e-6)
        assert np.array_equal(index.vectors(some), lasting[some])
        kinds.add(index.describe()["kind"])

    readers = [threading.Thread(target=watch, args=(search, seed)) for seed in range(3)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(3):
            for start in range(0, 2500, 50):
                index.add(np.arange(10_000 + start, 10_050 + start), passing[start : start + 50])
            index.compact()
            for start in range(0, 2500, 50):
                index.remove(np.arange(10_000 + start, 10_050 + start))
            index.compact()
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert failures == []
    assert kinds == {"exact", "approximate"}
    assert index.ids().tolist() == list(range(200))


def test_what_is_written_during_a_compaction_is_kept(
    low_limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows come and go between the moment a compaction starts and the moment it is swapped in."""
    index = SketchedIndex(DIMENSION, limits=low_limits, background=False)
    vectors = unit_rows(700, DIMENSION)
    index.add(np.arange(600), vectors[:600])
    index.remove(np.arange(0, 200))
    before = index.state

    def compacted_slowly(state: State, limits: Limits) -> State:
        after = compacted(state, limits)
        index.add(np.arange(600, 650), vectors[600:650])
        index.remove([300, 610])
        index.remove([400])
        index.add([400], vectors[699:])
        index.add([5], vectors[698:699])
        return after

    monkeypatch.setattr(sketched_index, "compacted", compacted_slowly)
    index.compact()
    assert index.state.rows is not before.rows
    expected = np.array([5, *range(200, 300), *range(301, 610), *range(611, 650)])
    assert index.ids().tolist() == expected.tolist()
    rows = np.where(expected == 400, 699, np.where(expected == 5, 698, expected))
    assert np.array_equal(index.vectors(expected), vectors[rows])
    assert index.search(vectors[rows], 1)[1][:, 0].tolist() == expected.tolist()


def finish_compacting() -> None:
    for thread in threading.enumerate():
        if thread.name == "onelook-compaction":
            thread.join()


def test_a_compaction_that_lacks_memory_leaves_the_index_as_it_is(
    low_limits: Limits, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def lacking(state: State, limits: Limits) -> State:
        raise MemoryError

    monkeypatch.setattr(sketched_index, "compacted", lacking)
    index = SketchedIndex(DIMENSION, limits=low_limits)
    index.add(np.arange(300), unit_rows(300, DIMENSION))
    finish_compacting()
    index.add([300], unit_rows(1, DIMENSION, seed=5))
    finish_compacting()
    assert caplog.text.count("there isn't the memory to compact the index of 300 vectors") == 1
    assert index.search(unit_rows(1, DIMENSION, seed=5), 1)[1].tolist() == [[300]]


def test_a_compaction_gives_up_when_the_interpreter_shuts_down() -> None:
    vectors = unit_rows(300, DIMENSION)
    rows = Rows(DIMENSION).append(np.arange(300), vectors)
    with pytest.raises(InterruptedError):
        fitted(rows, interrupted=lambda: True)
    sketch, _ = fitted(rows, interrupted=lambda: False)
    with pytest.raises(InterruptedError):
        sketch.extended(rows.append(np.arange(300, 600), vectors), interrupted=lambda: True)

"""SketchedIndex does what the oracle does, whatever is done to both."""

from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.indexes import NumpyIndex, SketchedIndex, candidates, load_index, save_index
from engine.indexes.compaction import Limits
from engine.testing.vectors import unit_rows

DIMENSION = 8
POOL = unit_rows(9000, DIMENSION)
LIMITS = Limits(approximate_from=60, exact_below=30, uncovered=0.2, dead=0.1, growth=2, trifle=5)


class TwoIndexes(RuleBasedStateMachine):
    """Vectors come from a pool, so that an id removed may come back with another vector."""

    def __init__(self) -> None:
        super().__init__()
        self.sketched = patch.object(candidates, "MOST_OF_ALL", 1)  # even where few rows are left
        self.sketched.start()
        self.index = SketchedIndex(DIMENSION, limits=LIMITS, background=False)
        self.oracle = NumpyIndex(DIMENSION)
        self.next_row = 0

    def teardown(self) -> None:
        self.sketched.stop()

    def add(self, ids: np.ndarray) -> None:
        ids = ids[~self.oracle.contains(ids)]
        rows = np.arange(self.next_row, self.next_row + len(ids)) % len(POOL)
        self.next_row += len(ids)
        self.index.add(ids, POOL[rows])
        self.oracle.add(ids, POOL[rows])

    @initialize(count=st.sampled_from([0, 50, 3000]))
    def start(self, count: int) -> None:
        self.add(np.arange(1000, 1000 + count))

    @rule(ids=st.sets(st.integers(0, 30)))
    def add_some(self, ids: set[int]) -> None:
        self.add(np.array(sorted(ids, reverse=True), np.int64))

    @rule(count=st.sampled_from([40, 700]))
    def add_many(self, count: int) -> None:
        first = int(self.oracle.ids().max(initial=5000)) + 1
        self.add(np.arange(first, first + count))

    @rule(share=st.sampled_from([0.01, 0.3, 1.0]), seed=st.integers(0, 99))
    def remove(self, share: float, seed: int) -> None:
        held = self.oracle.ids()
        gone = np.random.default_rng(seed).choice(held, int(share * len(held)), replace=False)
        self.index.remove(gone)
        self.oracle.remove(gone)

    @rule()
    def compact(self) -> None:
        self.index.compact()
        assert not self.index.compaction_due

    @rule()
    def save_and_load(self) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder, "index")
            save_index(self.index, path, generation=3, commit_id="c", space="s")
            loaded, generation, _ = load_index(path, space="s", dimension=DIMENSION)
        assert generation == 3
        self.index = SketchedIndex.of(loaded.state, limits=LIMITS, background=False)

    @rule(seed=st.integers(0, 99), k=st.sampled_from([1, 3, 12]), several=st.booleans())
    def search(self, seed: int, k: int, several: bool) -> None:
        queries = unit_rows(3 if several else 1, DIMENSION, seed=seed)
        similarities, ids = self.index.search(queries, k)
        expected, expected_ids = self.oracle.search(queries, k)
        assert np.array_equal(ids >= 0, expected_ids >= 0)
        if self.index.describe()["kind"] == "exact":
            np.testing.assert_allclose(similarities, expected, atol=1e-6)
        for query, of_query, its in zip(queries, ids, similarities, strict=True):
            true = self.oracle.vectors(of_query[of_query >= 0]) @ query
            np.testing.assert_allclose(its[: len(true)], true, atol=1e-6)

    @precondition(lambda self: len(self.oracle))
    @rule(seed=st.integers(0, 99))
    def each_finds_itself(self, seed: int) -> None:
        held = self.oracle.ids()
        some = np.random.default_rng(seed).choice(held, min(5, len(held)), replace=False)
        similarities, ids = self.index.search(self.oracle.vectors(some), 1)
        np.testing.assert_allclose(similarities, 1, atol=1e-6)
        assert np.array_equal(self.oracle.vectors(ids[:, 0]), self.oracle.vectors(some))

    @invariant()
    def both_hold_the_same(self) -> None:
        ids = self.oracle.ids()
        assert len(self.index) == len(ids)
        assert np.array_equal(self.index.ids(), ids)
        assert np.array_equal(self.index.vectors(ids), self.oracle.vectors(ids))
        assert np.array_equal(self.index.contains(np.arange(31)), self.oracle.contains(range(31)))


TwoIndexes.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
test_the_index_and_the_oracle_agree = TwoIndexes.TestCase

"""What every `VectorIndex` must do. Subclass `IndexContract` in a test module and say how one is
made; pytest then runs the whole contract over it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from ..indexes import NumpyIndex, VectorIndex
from ..types import FloatArray
from .vectors import DIMENSION, unit_rows


class IndexContract:
    """The contract of `engine.indexes.base`, as tests."""

    def make_index(self, dimension: int) -> VectorIndex:
        """An empty index of the kind under test."""
        raise NotImplementedError

    @pytest.fixture
    def index(self) -> VectorIndex:
        return self.make_index(DIMENSION)

    def test_an_empty_index_finds_nothing(self, index: VectorIndex) -> None:
        similarities, ids = index.search(unit_rows(2), 3)
        assert similarities.tolist() == [[-np.inf] * 3] * 2
        assert ids.tolist() == [[-1] * 3] * 2
        assert len(index) == 0
        assert index.ids().tolist() == []

    def test_similarities_are_inner_products_in_descending_order(self, index: VectorIndex) -> None:
        axes = np.eye(DIMENSION, dtype=np.float32)
        index.add([30, 10, 20], axes[:3])
        query = np.zeros((1, DIMENSION), np.float32)
        query[0, :3] = [0.48, 0.6, 0.64]
        similarities, ids = index.search(query, 3)
        assert ids.tolist() == [[20, 10, 30]]
        np.testing.assert_allclose(similarities, [[0.64, 0.6, 0.48]], rtol=1e-6)

    def test_results_have_the_promised_types_and_shapes(self, index: VectorIndex) -> None:
        index.add([5, 6], unit_rows(2))
        similarities, ids = index.search(unit_rows(4), 3)
        assert similarities.shape == ids.shape == (4, 3)
        assert similarities.dtype == np.float32
        assert ids.dtype == np.int64
        assert ids[:, 2].tolist() == [-1] * 4
        assert np.isneginf(similarities[:, 2]).all()

    def test_a_reader_is_the_index_as_it_was(self, index: VectorIndex) -> None:
        vectors = unit_rows(8)
        index.add([3, 1, 2], vectors[:3])
        before = index.reader()
        if before is index:
            pytest.skip("other processes write to it: no reader can promise that")
        assert index.reader() is before
        asked = before.search(vectors, 3)
        index.remove([1])
        index.add([7, 1, 0], vectors[3:6])
        index.compact()
        assert before.ids().tolist() == [1, 2, 3]
        assert before.contains([0, 1, 7]).tolist() == [False, True, False]
        assert np.array_equal(before.vectors([1, 3]), vectors[[1, 0]])
        similarities, found = before.search(vectors, 3)
        assert np.array_equal(similarities, asked[0])
        assert np.array_equal(found, asked[1])
        assert len(before) == 3
        assert index.reader().ids().tolist() == [0, 1, 2, 3, 7]

    def test_searching_for_nothing_finds_nothing(self, index: VectorIndex) -> None:
        index.add([1], unit_rows(1))
        similarities, ids = index.search(np.empty((0, DIMENSION), np.float32), 4)
        assert similarities.shape == ids.shape == (0, 4)

    def test_equal_similarities_come_by_ascending_id(self, index: VectorIndex) -> None:
        twins = np.repeat(unit_rows(1), 50, axis=0)
        index.add(np.arange(50)[::-1], twins)
        index.add([99], -unit_rows(1))
        for queries in (unit_rows(1), np.repeat(unit_rows(1), 5, axis=0)):
            _, ids = index.search(queries, 7)
            assert ids.tolist() == [list(range(7))] * len(queries)

    @pytest.mark.parametrize("k", [1, 10, 64])
    @pytest.mark.parametrize("queries", [1, 2, 70])
    def test_what_is_found_agrees_with_the_oracle(
        self, index: VectorIndex, k: int, queries: int
    ) -> None:
        oracle = NumpyIndex(DIMENSION)
        vectors = unit_rows(500)
        ids = np.random.default_rng(1).permutation(10_000)[:500]
        for held in (index, oracle):
            held.add(ids[:3], vectors[:3])
            held.add(ids[3:], vectors[3:])
            held.remove(ids[100:200])
        asked = unit_rows(queries, seed=2)
        expected_similarities, expected_ids = oracle.search(asked, k)
        similarities, found = index.search(asked, k)
        np.testing.assert_allclose(similarities, expected_similarities, atol=1e-6)
        assert (found == expected_ids).mean() > 0.99  # rounding may swap two of 4,480

    def test_a_pair_has_the_same_similarity_in_a_batch_and_alone(self, index: VectorIndex) -> None:
        index.add(np.arange(200), unit_rows(200))
        asked = unit_rows(9, seed=3)
        together = index.search(asked, 5)
        alone = [index.search(query[None], 5) for query in asked]
        assert np.array_equal(together[0], np.concatenate([a[0] for a in alone]))
        assert np.array_equal(together[1], np.concatenate([a[1] for a in alone]))

    def test_what_is_nearly_the_same_is_found(self, index: VectorIndex) -> None:
        vectors = unit_rows(12)
        again = vectors[[7, 2]] + 0.001
        again /= np.linalg.norm(again, axis=1, keepdims=True)
        index.add(np.arange(12), vectors)
        similarities, ids = index.nearly_same(again, 2)
        assert ids[:, 0].tolist() == [7, 2]
        for place, (row, query) in enumerate(zip(ids, again, strict=True)):
            np.testing.assert_allclose(similarities[place], vectors[row] @ query, rtol=1e-5)

    def test_a_removed_id_is_never_found_again(self, index: VectorIndex) -> None:
        vectors = unit_rows(20)
        index.add(np.arange(20), vectors)
        index.remove([3, 17])
        _, ids = index.search(vectors[[3, 17]], 20)
        assert not np.isin([3, 17], ids).any()
        assert len(index) == 18
        assert index.ids().tolist() == [i for i in range(20) if i not in (3, 17)]

    def test_a_removed_id_may_be_added_with_another_vector(self, index: VectorIndex) -> None:
        vectors = unit_rows(3)
        index.add([1, 2], vectors[:2])
        index.remove([1])
        index.add([1], vectors[2:])
        similarities, ids = index.search(vectors[2:], 1)
        assert ids.tolist() == [[1]]
        assert similarities[0, 0] == pytest.approx(1, abs=1e-6)
        assert np.array_equal(index.vectors([1]), vectors[2:])
        assert index.ids().tolist() == [1, 2]

    def test_it_says_which_ids_it_holds(self, index: VectorIndex) -> None:
        index.add([5, 1], unit_rows(2))
        index.remove([5])
        assert index.contains([1, 5, 2, 1]).tolist() == [True, False, False, True]
        assert index.contains([]).tolist() == []

    def test_everything_can_be_removed(self, index: VectorIndex) -> None:
        index.add(np.arange(5), unit_rows(5))
        index.remove(np.arange(5))
        index.compact()
        assert len(index) == 0
        assert index.search(unit_rows(1), 2)[1].tolist() == [[-1, -1]]
        index.add([7], unit_rows(1))
        assert index.search(unit_rows(1), 2)[1].tolist() == [[7, -1]]

    def test_adding_and_removing_nothing_changes_nothing(self, index: VectorIndex) -> None:
        index.add([1], unit_rows(1))
        index.add([], np.empty((0, DIMENSION), np.float32))
        index.remove([])
        assert index.ids().tolist() == [1]

    def test_stored_vectors_come_back_as_they_were(self, index: VectorIndex) -> None:
        vectors = unit_rows(30)
        index.add(np.arange(100, 130), vectors)
        assert np.array_equal(index.vectors([129, 100, 100]), vectors[[29, 0, 0]])
        assert index.vectors([]).shape == (0, DIMENSION)

    def test_vectors_may_be_asked_of_ids_that_may_be_gone(self, index: VectorIndex) -> None:
        vectors = unit_rows(4)
        index.add([1, 2, 3, 4], vectors)
        index.remove([2])
        ids, held = index.held(np.array([4, 2, 1, 9]))
        assert ids.tolist() == [4, 1]
        assert np.array_equal(held, vectors[[3, 0]])
        ids, held = index.held(np.array([2]))
        assert ids.tolist() == []
        assert held.shape == (0, DIMENSION)

    def test_later_changes_to_the_callers_arrays_do_not_reach_the_index(
        self, index: VectorIndex
    ) -> None:
        vectors, ids = unit_rows(2), np.array([1, 2])
        index.add(ids, vectors)
        expected = vectors.copy()
        vectors[:] = 0
        ids[:] = 9
        index.vectors([1])[:] = 0
        assert np.array_equal(index.vectors([1, 2]), expected)

    @pytest.mark.parametrize("kept", [0, 1, 20, 250])
    def test_some_are_searched_as_if_there_were_no_others(
        self, index: VectorIndex, kept: int
    ) -> None:
        oracle, vectors = NumpyIndex(DIMENSION), unit_rows(300)
        some = np.random.default_rng(4).permutation(300)[:kept]
        index.add(np.arange(300), vectors)
        oracle.add(some, vectors[some])
        reader = index.among(np.concatenate([some, [1000, 1001]]))
        assert len(reader) in (kept, kept + 2)  # one in a database finds out when it looks
        assert reader.ids().tolist() == np.sort(some).tolist()
        assert reader.contains(np.arange(300)).sum() == kept
        for asked in (unit_rows(1, seed=5), unit_rows(9, seed=6)):
            expected, expected_ids = oracle.search(asked, 12)
            similarities, found = reader.search(asked, 12)
            np.testing.assert_allclose(similarities, expected, atol=1e-6)
            assert (found == expected_ids).mean() > 0.99
        assert reader.among(some[:3]).ids().tolist() == np.sort(some[:3]).tolist()
        if kept < 300:
            other = np.setdiff1d(np.arange(300), some)[:1]
            with pytest.raises(ValueError, match="isn't among them"):
                reader.vectors(other)

    def test_compacting_changes_no_result(self, index: VectorIndex) -> None:
        vectors = unit_rows(300)
        index.add(np.arange(300), vectors)
        index.remove(np.arange(0, 300, 3))
        before = index.search(vectors, 4)
        index.compact()
        after = index.search(vectors, 4)
        assert np.array_equal(before[0], after[0])
        assert np.array_equal(before[1], after[1])
        assert index.ids().tolist() == [i for i in range(300) if i % 3]

    def test_it_describes_itself(self, index: VectorIndex) -> None:
        index.add([1, 2], unit_rows(2))
        described = index.describe()
        assert described["size"] == 2
        assert described["dimension"] == DIMENSION
        assert isinstance(described["kind"], str)

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            (lambda i: i.add([1], unit_rows(1)), "1 is in the index already"),
            (lambda i: i.add([4, 4], unit_rows(2)), "4 twice"),
            (lambda i: i.add([-4], unit_rows(1)), "-4"),
            (lambda i: i.add([4, 5], unit_rows(1)), "2 ids for 1 vectors"),
            (lambda i: i.add([0.5], unit_rows(1)), "integers"),
            (lambda i: i.add([[4]], unit_rows(1)), r"\(1, 1\)"),
            (lambda i: i.add([4], unit_rows(1, DIMENSION + 1)), r"\(1, 9\)"),
            (lambda i: i.add([4], unit_rows(1)[0]), r"\(8,\)"),
            (lambda i: i.add([4, 5], [[1.0] + [0.0] * 7, [2.0] + [0.0] * 7]), "row 1 has length 2"),
            (lambda i: i.add([4], np.full((1, DIMENSION), np.nan)), "length nan"),
            (lambda i: i.add([4], np.full((1, DIMENSION), 1e30)), "length inf"),
            (lambda i: i.add([4], np.zeros((1, DIMENSION))), "length 0"),
            (lambda i: i.remove([2]), "2 isn't among them"),
            (lambda i: i.remove([1, 2]), "2 isn't among them"),
            (lambda i: i.vectors([2]), "2 isn't among them"),
            (lambda i: i.search(unit_rows(1), 0), "k of at least 1 but got 0"),
            (lambda i: i.search(unit_rows(1, 7), 1), r"queries of shape \(n, 8\) but got \(1, 7\)"),
            (lambda i: i.search(unit_rows(1)[0], 1), r"\(8,\)"),
            (lambda i: i.search(np.full((1, DIMENSION), np.nan), 1), "queries of unit length"),
        ],
    )
    def test_what_is_wrong_is_refused_and_changes_nothing(
        self, index: VectorIndex, change: Callable[[VectorIndex], None], complaint: str
    ) -> None:
        index.add([1], unit_rows(1))
        with pytest.raises(ValueError, match=complaint):
            change(index)
        assert index.ids().tolist() == [1]
        assert index.search(unit_rows(1), 2)[1].tolist() == [[1, -1]]

    def test_a_dimension_below_one_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at least 1 but got 0"):
            self.make_index(0)

    def test_searches_beside_a_writer_see_whole_writes_only(self, index: VectorIndex) -> None:
        """Twins are added and removed in pairs: a search that sees one alone saw half a write."""
        vectors = unit_rows(40)
        errors: list[str] = []
        done = threading.Event()

        def look(query: FloatArray) -> None:
            while not done.is_set():
                similarities, ids = index.search(query[None], 2)
                twins = int((similarities[0] > 1 - 1e-5).sum())
                if twins == 1 or (twins == 2 and abs(ids[0, 0] - ids[0, 1]) != 1000):
                    errors.append(f"saw {ids[0]} at {similarities[0]}")

        readers = [threading.Thread(target=look, args=(vectors[n],)) for n in (0, 7, 39)]
        for reader in readers:
            reader.start()
        try:
            for _ in range(5):
                for n in range(40):
                    index.add([n, n + 1000], vectors[[n, n]])
                index.compact()
                for n in range(40):
                    index.remove([n, n + 1000])
        finally:
            done.set()
            for reader in readers:
                reader.join()
        assert errors == []
        assert len(index) == 0

    def test_writers_wait_for_each_other(self, index: VectorIndex) -> None:
        vectors = unit_rows(400)

        def write(first: int) -> None:
            for n in range(first, first + 100):
                index.add([n], vectors[n : n + 1])
                if n % 4 == 0:
                    index.remove([n])

        writers = [threading.Thread(target=write, args=(first,)) for first in (0, 100, 200, 300)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        expected = [n for n in range(400) if n % 4]
        assert index.ids().tolist() == expected
        assert np.array_equal(index.vectors(expected), vectors[expected])

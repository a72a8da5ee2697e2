"""Ranking classes by their best examples, against a plain computation."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.gallery.snapshot.examples import NO_CLASS, ExampleTable
from engine.gallery.snapshot.ranking import rank
from engine.indexes import NumpyIndex
from tests.gallery.conftest import unit

DIMENSION = 8


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(1, 8), st.integers(1, 3))
@settings(deadline=None)
def test_each_class_counts_once_with_its_best_example(
    owners: list[int], k: int, queries: int
) -> None:
    ids = np.arange(1, len(owners) + 1)
    vectors = np.stack([unit(int(i)) for i in ids])
    index = NumpyIndex(DIMENSION)
    index.add(ids, vectors)
    table = ExampleTable(ids, np.array(owners))
    asked = np.stack([unit(1000 + q) for q in range(queries)])

    rankings = rank(index, table, len(set(owners)), asked, k)

    for query, ranking in zip(asked, rankings, strict=True):
        best = {
            c: max(float(query @ v) for v, o in zip(vectors, owners, strict=True) if o == c)
            for c in set(owners)
        }
        expected = sorted(best.values(), reverse=True)[:k]
        assert np.allclose(ranking.similarities, expected, atol=1e-6)
        assert [best[int(c)] for c in ranking.class_ids] == sorted(
            (best[int(c)] for c in ranking.class_ids), reverse=True
        )


def test_an_empty_index_ranks_nothing() -> None:
    table = ExampleTable(np.empty(0, np.int64), np.empty(0, np.int64))

    [ranking] = rank(NumpyIndex(DIMENSION), table, 0, unit(1)[None], 3)

    assert len(ranking) == 0


def test_the_table_answers_no_class_for_what_it_does_not_hold() -> None:
    table = ExampleTable(np.array([1, 2]), np.array([7, 8]))
    table = table.without(np.array([2])).updated(np.array([5000]), np.array([8]))

    assert table.classes_of(np.array([1, 2, 5000, -1, 10**9])).tolist() == [
        7,
        NO_CLASS,
        8,
        NO_CLASS,
        NO_CLASS,
    ]

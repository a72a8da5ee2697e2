"""How well the graph in the database finds, and what it can't take."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, make_url

from engine.catalog.database import Database
from engine.errors import GalleryError, OnelookError, UnavailableError
from engine.indexes import NumpyIndex, pgvector_extension
from engine.indexes.pgvector_index import PgvectorIndex, has_table
from engine.indexes.pgvector_table import VectorTable
from engine.testing.vectors import clustered_rows, seen_again, unit_rows

ROWS, DIMENSION = 6000, 64
RECALL_FLOOR = 0.97


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with Database(make_url(url)) as opened:
        yield opened


def uses_the_graph(connection: Connection, name: str) -> bool:
    """Whether the server's plan for a search reads an index."""
    vector = str([1.0] + [0.0] * (DIMENSION - 1))
    plan = connection.exec_driver_sql(
        f"EXPLAIN SELECT example_id FROM {name} ORDER BY CAST(vector AS "
        f"public.halfvec({DIMENSION})) OPERATOR(public.<#>) "
        f"CAST(%s AS public.halfvec({DIMENSION})) LIMIT 64",
        (vector,),
    )
    return "Index Scan" in "".join(plan.scalars())


@pytest.mark.slow
def test_the_graph_finds_nearly_all_and_tells_true_similarities(database: Database) -> None:
    rows = clustered_rows(ROWS, DIMENSION)
    index = PgvectorIndex(DIMENSION, database.index_transaction, space="clustered")
    index.make_empty()
    oracle = NumpyIndex(DIMENSION)
    for held in (index, oracle):
        held.add(np.arange(ROWS), rows)
        held.remove(np.arange(0, ROWS, 5))
    with database.index_transaction() as connection:
        assert uses_the_graph(connection, index.describe()["table"])
    picked = np.random.default_rng(5).choice(ROWS, 100, replace=False)
    queries = seen_again(rows[picked])
    for k in (1, 10, 51):
        expected = oracle.search(queries, k)[1]
        similarities, found = index.search(queries, k)
        recall = np.mean([np.isin(a, b).mean() for a, b in zip(expected, found, strict=True)])
        assert recall >= RECALL_FLOOR
        assert (found >= 0).all()
        assert not np.isin(found, np.arange(0, ROWS, 5)).any()
        true = np.einsum("qkd,qd->qk", rows[found].astype(np.float64), queries)
        np.testing.assert_allclose(similarities, true, atol=1e-6)
        assert (np.diff(similarities, axis=1) <= 0).all()


def test_as_many_as_are_asked_for_are_found(database: Database) -> None:
    """More than the graph's own limit, and nearly all that there are."""
    index = PgvectorIndex(8, database.index_transaction, space="many")
    index.make_empty()
    index.add(np.arange(1500), unit_rows(1500))
    index.remove(np.arange(300))
    _, found = index.search(unit_rows(2, seed=9), 1300)
    for row in found:
        assert sorted(row[row >= 0]) == list(range(300, 1500))


def test_more_dimensions_than_pgvector_indexes_are_refused(database: Database) -> None:
    with pytest.raises(GalleryError, match="at most 4,000 dimensions"):
        PgvectorIndex(4001, database.index_transaction, space="wide")
    index = PgvectorIndex(4000, database.index_transaction, space="wide")
    index.make_empty()
    index.add([3], unit_rows(1, 4000))
    assert index.search(unit_rows(1, 4000), 1)[1].tolist() == [[3]]


def test_an_extension_that_is_too_old_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pgvector_extension, "LEAST_VERSION", (99, 0))
    with pytest.raises(GalleryError, match="ALTER EXTENSION vector UPDATE"):
        PgvectorIndex(8, database.index_transaction, space="old")


def test_a_schema_without_a_table_has_none(database: Database) -> None:
    assert not has_table(database.index_transaction)
    PgvectorIndex(8, database.index_transaction, space="one").make_empty()
    assert has_table(database.index_transaction)


def test_a_slow_search_does_not_put_back_an_earlier_size(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees the table as it was when it began, while others write."""
    index = PgvectorIndex(8, database.index_transaction, space="slow")
    index.make_empty()
    index.add([1], unit_rows(1))
    search = VectorTable.search
    written: list[int] = []

    def slow_search(table: VectorTable, connection: Connection, *args: Any, **more: Any) -> Any:
        found = search(table, connection, *args, **more)
        if not written:
            written.append(len(found))
            writer = threading.Thread(target=index.add, args=([2, 3], unit_rows(2, seed=1)))
            writer.start()
            writer.join()
        return found

    monkeypatch.setattr(VectorTable, "search", slow_search)
    assert index.search(unit_rows(1), 5)[1].tolist() == [[1, -1, -1, -1, -1]]
    assert len(index) == 3


def test_a_change_that_is_undone_is_not_counted(database: Database) -> None:
    lost = True

    @contextmanager
    def transaction(*, write: bool = False) -> Iterator[Connection]:
        with database.index_transaction(write=write) as connection:
            yield connection
            if write and lost:
                raise UnavailableError("the server was lost")

    index = PgvectorIndex(8, transaction, space="undone")
    lost = False
    index.make_empty()
    index.add([1, 2], unit_rows(2))
    lost = True
    with pytest.raises(UnavailableError):
        index.remove([1])
    assert len(index) == 2
    assert index.ids().tolist() == [1, 2]


def test_what_the_server_refuses_of_a_copy_is_told_as_one_of_our_errors(
    database: Database,
) -> None:
    index = PgvectorIndex(8, database.index_transaction, space="copied")
    index.make_empty()
    index.add([1], unit_rows(1))
    table = VectorTable(index.describe()["table"], 8, "public")
    with (
        pytest.raises(OnelookError, match="duplicate key"),
        database.index_transaction(write=True) as connection,
    ):
        table.insert(connection, np.array([2, 1]), unit_rows(2))
    assert index.ids().tolist() == [1]
    assert index.search(unit_rows(1), 1)[1].tolist() == [[1]]


@pytest.mark.slow
@pytest.mark.parametrize("kept", [120, 3000])
def test_among_some_the_graph_finds_nearly_all_that_there_are(
    database: Database, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr("engine.indexes.pgvector_index.FETCHED", 100)
    rows = clustered_rows(ROWS, DIMENSION)
    index = PgvectorIndex(DIMENSION, database.index_transaction, space="clustered")
    index.make_empty()
    index.add(np.arange(ROWS), rows)
    some = np.random.default_rng(6).choice(ROWS, kept, replace=False)
    oracle = NumpyIndex(DIMENSION)
    oracle.add(some, rows[some])
    queries = seen_again(rows[some[:40]])
    reader = index.among(some)
    for k in (1, 10, 51):
        expected, expected_ids = oracle.search(queries, k)
        similarities, found = reader.search(queries, k)
        pairs = zip(expected_ids, found, strict=True)
        assert np.mean([np.isin(a, b).mean() for a, b in pairs]) >= RECALL_FLOOR
        assert np.isin(found, some).all()
        np.testing.assert_allclose(similarities[:, 0], expected[:, 0], atol=1e-6)
    index.remove(some[:1])
    assert some[0] not in reader.search(queries[:1], 5)[1]
    assert reader.ids().tolist() == np.sort(some[1:]).tolist()
    assert len(reader.vectors(some[1:3])) == 2
    assert reader.contains(some[:2]).tolist() == [False, True]

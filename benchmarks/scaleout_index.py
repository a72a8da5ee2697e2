"""Search in the database beside search in the process, on the same vectors."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import make_url, text

from benchmarks.scaleout_server import Server
from engine.catalog.database import Database
from engine.errors import OnelookError
from engine.indexes import SketchedIndex, VectorIndex
from engine.indexes.pgvector_index import Changes, PgvectorIndex
from engine.testing.vectors import clustered_rows, seen_again
from engine.types import FloatArray, IntArray

DIMENSION = 512
NEIGHBOURS = 51
"""As many as a decision asks for."""

STOP = (
    "SELECT tuples_done / greatest(tuples_total, 1.0), pg_cancel_backend(pid) "
    "FROM pg_stat_progress_create_index"
)
QUERIES, ADDED = 300, 200
TRIES = 5
"""Of each query the fastest counts, since others use the machine too."""


@dataclass(frozen=True)
class Rows:
    """Vectors `(n, dim)` with the ids 1 to n, for an index to follow."""

    rows: FloatArray

    def generation(self) -> int:
        return 1

    def changes_since(self, generation: int) -> Changes | None:  # noqa: ARG002
        return Changes(1, np.empty(0, np.int64), np.empty(0, np.int64))

    def vectors(self, ids: IntArray) -> tuple[IntArray, FloatArray]:
        return ids, self.rows[ids - 1]

    def vectors_after(self, example_id: int, count: int) -> tuple[IntArray, FloatArray]:
        rows = self.rows[example_id : example_id + count]
        return np.arange(example_id + 1, example_id + 1 + len(rows)), rows


def compared(server: Server, size: int, build_minutes: float) -> dict[str, Any]:
    """Times of FAISS and pgvector at `size` vectors; of pgvector's, what was done in time."""
    rows = clustered_rows(size + ADDED, DIMENSION)
    held, added = rows[:size], rows[size:]
    picked = np.random.default_rng(1).choice(size, QUERIES, replace=False)
    queries = seen_again(held[picked])
    expected = _nearest(held, queries)
    figures: dict[str, Any] = {}
    start = time.perf_counter()
    faiss = SketchedIndex(DIMENSION, background=False)
    faiss.add(np.arange(1, size + 1), held)
    if faiss.compaction_due:
        faiss.compact()
    figures["faiss_build_seconds"] = time.perf_counter() - start
    figures |= _searched("faiss", faiss, queries, expected)
    figures |= _extended("faiss", faiss, size, added)
    del faiss
    with Database(make_url(server.url(f"index_{size}"))) as database:
        pgvector = PgvectorIndex(DIMENSION, database.index_transaction, space="benchmark")
        start = time.perf_counter()
        stopped = _followed(pgvector, Rows(held), database, build_minutes)
        figures["pgvector_build_seconds"] = time.perf_counter() - start
        if stopped is not None:
            return figures | {"pgvector_build_reached": stopped}
        figures |= _searched("pgvector", pgvector, queries, expected)
        figures |= _extended("pgvector", pgvector, size, added)
        figures["pgvector_megabytes"] = pgvector.describe()["megabytes"]
    return figures


def _nearest(rows: FloatArray, queries: FloatArray) -> IntArray:
    """The ids of the true nearest, best first."""
    found = []
    for first in range(0, len(queries), 10):
        similarities = queries[first : first + 10] @ rows.T
        best = np.argpartition(-similarities, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        order = np.argsort(-np.take_along_axis(similarities, best, axis=1), axis=1)
        found.append(np.take_along_axis(best, order, axis=1) + 1)
    return np.concatenate(found)


def _followed(
    index: PgvectorIndex, source: Rows, database: Database, minutes: float
) -> float | None:
    """Fill the index; where that takes longer, the share of the graph that was made by then."""
    reached: list[float] = []

    def stop() -> None:
        with database.index_transaction() as connection:
            found = connection.execute(text(STOP)).first()
            reached.append(0.0 if found is None else float(found[0]))

    timer = threading.Timer(60 * minutes, stop)
    timer.start()
    try:
        index.follow(source)
    except OnelookError:
        if not reached:
            raise
        return reached[0]
    finally:
        timer.cancel()
    return None


def _searched(
    name: str, index: VectorIndex, queries: FloatArray, expected: IntArray
) -> dict[str, float]:
    # Once before, so that what they read is in memory.
    found = [index.search(query[None], NEIGHBOURS)[1][0] for query in queries]
    seconds = [min(_once(index, query) for _ in range(TRIES)) for query in queries]
    recall = np.mean([np.isin(a, b).mean() for a, b in zip(expected, found, strict=True)])
    best = np.mean([a[0] == b[0] for a, b in zip(expected, found, strict=True)])
    return {
        f"{name}_milliseconds": 1000 * float(np.median(seconds)),
        f"{name}_milliseconds_95th": 1000 * float(np.percentile(seconds, 95)),
        f"{name}_recall_at_{NEIGHBOURS}": float(recall),
        f"{name}_recall_at_1": float(best),
    }


def _once(index: VectorIndex, query: FloatArray) -> float:
    start = time.perf_counter()
    index.search(query[None], NEIGHBOURS)
    return time.perf_counter() - start


def _extended(name: str, index: VectorIndex, size: int, added: FloatArray) -> dict[str, float]:
    """Milliseconds for each of a few more vectors, added 20 at a time."""
    start = time.perf_counter()
    for first in range(0, len(added), 20):
        ids = np.arange(size + 1 + first, size + 1 + first + 20)
        index.add(ids, added[first : first + 20])
    return {f"{name}_milliseconds_added": 1000 * (time.perf_counter() - start) / len(added)}

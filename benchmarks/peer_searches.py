"""Other libraries' nearest-neighbour search, each by its own public functions in its fast mode.

Each is filled with `(n, dim) float32` unit rows whose ids are their places, and asked for the ids
of the nearest. Approximate ones are set as their documentation recommends for recall near 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.made_gallery import fill
from engine.cores import threads_for
from engine.recognizer import Recognizer
from engine.types import FloatArray, IntArray

NEIGHBOURS = 10
LINKS = 32  # of an HNSW graph's node
BUILD_BEAM = 200
SEARCH_BEAM = 128
WIDER_BEAM = 256  # which finds about what Onelook finds among 100,000
ADDED_AT_ONCE = 5000  # chromadb takes no more at a time


class Search(Protocol):
    """A filled index."""

    def nearest(self, queries: FloatArray) -> IntArray:
        """The id of each query's nearest, `(n,) int64`."""


class Onelook:
    """A gallery of one class a row, without pictures; decisions and all."""

    def __init__(self, rows: FloatArray, folder: Path) -> None:
        fill(folder / "made.gallery", rows)
        self._recognizer = Recognizer.open(folder / "made.gallery")

    def nearest(self, queries: FloatArray) -> IntArray:
        decisions = self._recognizer.recognize_embeddings(queries)
        return _numbers([decision.candidates[0].label for decision in decisions])


class OnelookCandidates(Onelook):
    """The same gallery's nearest classes, without a decision."""

    def __init__(self, rows: FloatArray, folder: Path) -> None:  # noqa: ARG002
        self._recognizer = Recognizer.open(folder / "made.gallery")

    def nearest(self, queries: FloatArray) -> IntArray:
        found = self._recognizer.nearest_embeddings(queries, NEIGHBOURS)
        return _numbers([candidates[0].label for candidates in found])


class BareFaiss:
    """`IndexFlatIP`: exact, and no more than that; one query by one thread, which is faster."""

    def __init__(self, rows: FloatArray, folder: Path) -> None:  # noqa: ARG002
        import faiss

        self._faiss = faiss
        self._index = faiss.IndexFlatIP(rows.shape[1])
        self._index.add(rows)

    def nearest(self, queries: FloatArray) -> IntArray:
        self._faiss.omp_set_num_threads(threads_for(len(queries)))
        return np.asarray(self._index.search(queries, NEIGHBOURS)[1][:, 0])


class Hnswlib:
    beam = SEARCH_BEAM

    def __init__(self, rows: FloatArray, folder: Path) -> None:  # noqa: ARG002
        import hnswlib

        self._index = hnswlib.Index(space="ip", dim=rows.shape[1])
        self._index.init_index(len(rows), ef_construction=BUILD_BEAM, M=LINKS)
        self._index.add_items(rows)
        self._index.set_ef(self.beam)

    def nearest(self, queries: FloatArray) -> IntArray:
        return np.asarray(self._index.knn_query(queries, NEIGHBOURS)[0][:, 0], np.int64)


class WiderHnswlib(Hnswlib):
    beam = WIDER_BEAM


class Usearch:
    def __init__(self, rows: FloatArray, folder: Path) -> None:  # noqa: ARG002
        from usearch.index import Index

        self._index = Index(
            ndim=rows.shape[1],
            metric="ip",
            dtype="f32",
            connectivity=LINKS,
            expansion_add=BUILD_BEAM,
            expansion_search=SEARCH_BEAM,
        )
        self._index.add(np.arange(len(rows)), rows)

    def nearest(self, queries: FloatArray) -> IntArray:
        found = self._index.search(queries, NEIGHBOURS).keys
        return np.asarray(np.atleast_2d(found)[:, 0], np.int64)


class Chroma:
    def __init__(self, rows: FloatArray, folder: Path) -> None:
        import chromadb
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False)
        client = chromadb.PersistentClient(str(folder / "chroma"), settings)
        self._collection: Any = client.create_collection(
            "made",
            configuration={
                "hnsw": {
                    "space": "ip",
                    "ef_construction": BUILD_BEAM,
                    "ef_search": SEARCH_BEAM,
                    "max_neighbors": LINKS,
                }
            },
            embedding_function=None,
        )
        for start in range(0, len(rows), ADDED_AT_ONCE):
            some = rows[start : start + ADDED_AT_ONCE]
            ids = [str(start + row) for row in range(len(some))]
            self._collection.add(ids=ids, embeddings=some)

    def nearest(self, queries: FloatArray) -> IntArray:
        found = self._collection.query(
            query_embeddings=queries, n_results=NEIGHBOURS, include=["distances"]
        )
        return np.array([int(ids[0]) for ids in found["ids"]])


class Lance:
    """A table on disk with the index that its documentation takes for speed and recall."""

    def __init__(self, rows: FloatArray, folder: Path) -> None:
        import lancedb
        import pyarrow as pa

        vectors = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])
        table = pa.table({"id": pa.array(range(len(rows))), "vector": vectors})
        self._table: Any = lancedb.connect(str(folder / "lance")).create_table("made", table)
        self._table.create_index(
            vector_column_name="vector",
            metric="dot",
            index_type="IVF_HNSW_SQ",
            num_partitions=1,
            m=LINKS,
            ef_construction=BUILD_BEAM,
        )

    def nearest(self, queries: FloatArray) -> IntArray:
        return np.array([self._one(query) for query in queries])

    def _one(self, query: FloatArray) -> int:
        asked = self._table.search(query).select(["id", "_distance"]).limit(NEIGHBOURS)
        found = asked.ef(SEARCH_BEAM).refine_factor(4).to_arrow()
        return int(found.column("id")[0].as_py())


class Qdrant:
    """The client's local mode, in memory: exact."""

    def __init__(self, rows: FloatArray, folder: Path) -> None:  # noqa: ARG002
        from qdrant_client import QdrantClient
        from qdrant_client.models import Distance, VectorParams

        self._client = QdrantClient(":memory:")
        size = VectorParams(size=rows.shape[1], distance=Distance.DOT)
        self._client.create_collection("made", vectors_config=size)
        self._client.upload_collection("made", vectors=rows, ids=range(len(rows)))

    def nearest(self, queries: FloatArray) -> IntArray:
        return np.array([self._one(query) for query in queries])

    def _one(self, query: FloatArray) -> int:
        found = self._client.query_points("made", query=query.tolist(), limit=NEIGHBOURS)
        return int(found.points[0].id)


@dataclass(frozen=True)
class Peer:
    """A way to search.

    Attributes:
        module: what must be importable, or None.
        package: what installs it.
        make: fills it.
    """

    name: str
    module: str | None
    package: str
    make: Callable[[FloatArray, Path], Search]


PEERS = (
    Peer("Onelook, decisions", None, "", Onelook),
    Peer("Onelook, candidates", None, "", OnelookCandidates),
    Peer("bare FAISS, flat", None, "", BareFaiss),
    Peer("hnswlib", "hnswlib", "hnswlib", Hnswlib),
    Peer("hnswlib, wider beam", "hnswlib", "hnswlib", WiderHnswlib),
    Peer("usearch", "usearch", "usearch", Usearch),
    Peer("chromadb", "chromadb", "chromadb", Chroma),
    Peer("lancedb", "lancedb", "lancedb", Lance),
    Peer("qdrant-client, local", "qdrant_client", "qdrant-client", Qdrant),
)


def _numbers(labels: list[str]) -> IntArray:
    return np.array([int(label.removeprefix("class ")) for label in labels], np.int64)

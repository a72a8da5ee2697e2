"""Galleries of up to millions of made vectors that lie as embeddings do, one class a vector."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np

from engine.catalog import Catalog
from engine.gallery import Gallery
from engine.projections import Projection, shipped_projection
from engine.types import FloatArray, NewExample, Space

BATCH = 10_000


def embeddings_of(rows: FloatArray, space: Space) -> FloatArray:
    """`(n, dim) float32`: what a fresh gallery of that space projects to `rows`."""
    projection = shipped_projection(space)
    return rows if projection is None else unprojected(projection, rows)


def unprojected(projection: Projection, rows: FloatArray) -> FloatArray:
    """Unit rows that a projection maps to `rows (n, dim)`.

    The projection takes `x` to the direction of `(x - mean) @ matrix`, so `x` is the mean plus a
    positive multiple of `row @ inverse(matrix)`: that which makes its length 1.
    """
    assert projection.matrix is not None
    inverse = np.linalg.inv(projection.matrix.astype(np.float64)).astype(np.float32)
    mean = projection.mean
    rest = 1 - float(mean @ mean)
    made = np.empty_like(rows)
    for start in range(0, len(rows), BATCH):
        directions = rows[start : start + BATCH] @ inverse
        squared = np.einsum("ij,ij->i", directions, directions)
        along = directions @ mean
        factors = (np.sqrt(along**2 + squared * rest) - along) / squared
        made[start : start + BATCH] = mean + factors[:, None] * directions
    return made


def write(path: Path, embeddings: FloatArray, space: Space) -> dict[str, float]:
    """Make a gallery of one class an embedding, calibrated, its index's snapshot written.

    Vectors are written straight to the catalog: what bulk enrolment costs is another benchmark.

    Returns:
        Seconds that writing, making the index, and the statistics of all classes took.
    """
    Gallery.create(path, space=space).close()
    started = time.perf_counter()
    with Catalog.open(path / "catalog.sqlite") as catalog:
        for start in range(0, len(embeddings), BATCH):
            batch = embeddings[start : start + BATCH]
            with catalog.write() as transaction:
                transaction.examples.add_all(
                    [new_example(start + row, vector) for row, vector in enumerate(batch)]
                )
                transaction.trim_changes(keep=BATCH)
    written = time.perf_counter()
    with Gallery.open(path) as gallery:
        indexed = time.perf_counter()
        gallery.thresholds.calibrate()
        calibrated = time.perf_counter()
    return {
        "writing_s": written - started,
        "indexing_s": indexed - written,
        "statistics_s": calibrated - indexed,
    }


def new_example(number: int, vector: FloatArray) -> NewExample:
    """The only example of class `number`."""
    return NewExample(
        label=f"class {number}",
        source=f"/made/{number}",
        content_hash=hashlib.sha256(str(number).encode()).hexdigest(),
        width=1,
        height=1,
        vector=vector,
    )

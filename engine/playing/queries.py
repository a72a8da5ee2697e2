"""Pictures to evaluate on: listed, decoded ahead in threads, embedded once, not kept in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np

from engine.bulk.loading import Loader, Prepared
from engine.bulk.sources import Item, Source, items
from engine.cores import thread_limit
from engine.embedding import Embedder
from engine.errors import ImageError
from engine.types import FloatArray, Reject

BATCHES_AHEAD = 4

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """Embedded pictures with the labels that are true of them.

    Attributes:
        items: where each came from, and its label.
        content_hashes: SHA-256 of each file, hex.
        embeddings: `(n, dim) float32`, unit rows, before any projection.
        rejects: the pictures that could not be read.
    """

    items: tuple[Item, ...]
    content_hashes: tuple[str, ...]
    embeddings: FloatArray
    rejects: tuple[Reject, ...]

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: list[int], *, rejects: tuple[Reject, ...] = ()) -> Queries:
        """Some of them, in that order; without the rejects, unless those are given."""
        return Queries(
            tuple(self.items[row] for row in rows),
            tuple(self.content_hashes[row] for row in rows),
            self.embeddings[rows],
            rejects,
        )

    def __add__(self, other: Queries) -> Queries:
        return Queries(
            self.items + other.items,
            self.content_hashes + other.content_hashes,
            np.concatenate([self.embeddings, other.embeddings]),
            self.rejects + other.rejects,
        )


def embed_queries(
    source: Source, embedder: Embedder, loader: Loader, progress: Progress = lambda _done: None
) -> Queries:
    """Embed every picture that a folder, a manifest or an iterable lists.

    Args:
        progress: called with the number of pictures dealt with since its last call.

    Raises:
        ImageError, ManifestError: the source as a whole is at fault; single pictures are rejected.
    """
    kept: list[tuple[Item, str]] = []
    rejects: list[Reject] = []
    vectors = [np.empty((0, embedder.space.dimension), np.float32)]
    for batch in _loaded(iter(items(source)), loader, embedder.batch_size):
        prepared = [row for row in batch if isinstance(row, Prepared)]
        rejects += [row for row in batch if isinstance(row, Reject)]
        kept += [(row.item, row.content_hash) for row in prepared]
        vectors.append(embedder.embed_prepared([row.pixels for row in prepared]))
        progress(len(batch))
    return Queries(
        tuple(item for item, _ in kept),
        tuple(digest for _, digest in kept),
        np.concatenate(vectors),
        tuple(rejects),
    )


def _loaded(
    source: Iterator[Item], loader: Loader, batch_size: int
) -> Iterator[list[Prepared | Reject]]:
    ahead: deque[list[Future[Prepared | Reject]]] = deque()
    pool = ThreadPoolExecutor(thread_limit(), thread_name_prefix="onelook-decode")
    try:
        while True:
            while len(ahead) < BATCHES_AHEAD and (batch := list(islice(source, batch_size))):
                ahead.append([pool.submit(_load, loader, item) for item in batch])
            if not ahead:
                return
            yield [future.result() for future in ahead.popleft()]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _load(loader: Loader, item: Item) -> Prepared | Reject:
    try:
        return loader.prepare(item)
    except ImageError as error:
        return Reject(item.source, error.reason)

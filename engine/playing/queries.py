"""Pictures to evaluate on: listed, embedded once, not kept in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ..bulk.sources import Item, Source, items
from ..errors import ImageError
from ..features import FeatureExtractor, PreparedPicture, embeddings_of, work_ahead
from ..local import QueryView
from ..types import FloatArray, Reject

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """Embedded pictures with the labels that are true of them.

    Attributes:
        items: where each came from, and its label.
        content_hashes: SHA-256 of each file, hex.
        embeddings: `(n, dim) float32`, unit rows, before any projection.
        rejects: the pictures that could not be read.
        views: for a closer look and local features; None where there are neither.
    """

    items: tuple[Item, ...]
    content_hashes: tuple[str, ...]
    embeddings: FloatArray
    rejects: tuple[Reject, ...]
    views: tuple[QueryView | None, ...] = ()

    def __post_init__(self) -> None:
        if not self.views:
            object.__setattr__(self, "views", (None,) * len(self.items))

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: list[int], *, rejects: tuple[Reject, ...] = ()) -> Queries:
        """Some of them, in that order; without the rejects, unless those are given."""
        return Queries(
            tuple(self.items[row] for row in rows),
            tuple(self.content_hashes[row] for row in rows),
            self.embeddings[rows],
            rejects,
            tuple(self.views[row] for row in rows),
        )

    def __add__(self, other: Queries) -> Queries:
        return Queries(
            self.items + other.items,
            self.content_hashes + other.content_hashes,
            np.concatenate([self.embeddings, other.embeddings]),
            self.rejects + other.rejects,
            self.views + other.views,
        )


def embed_queries(
    source: Source,
    extractor: FeatureExtractor,
    progress: Progress = lambda _done: None,
    *,
    local: bool | None = None,
) -> Queries:
    """Embed every picture that a folder, a manifest or an iterable lists.

    Args:
        local: whether to find their local features as well; with None, only embeddings of the
            whole are made.
        progress: called with the number of pictures dealt with since its last call.

    Raises:
        ImageError, ManifestError: the source as a whole is at fault; single pictures are rejected.
    """
    kept: list[tuple[Item, str]] = []
    views: list[QueryView | None] = []
    rejects: list[Reject] = []
    vectors = [np.empty((0, extractor.space.dimension), np.float32)]
    listed = items(source)
    batches = iter(lambda: list(islice(listed, extractor.batch_size)), [])

    def load(item: Item) -> tuple[Item, PreparedPicture] | Reject:
        try:
            prepared = extractor.prepare_query(item.image, local=local)
            if prepared.view is not None:  # here, in several threads; what is kept is small
                prepared.view.query()
                if prepared.view.closer is not None:
                    prepared.view.closer.embedding()
            return item, prepared
        except ImageError as error:
            return Reject(item.source, error.reason)

    for batch in work_ahead(batches, load):
        prepared = [row for row in batch if not isinstance(row, Reject)]
        rejects += [row for row in batch if isinstance(row, Reject)]
        kept += [(item, picture.facts.content_hash) for item, picture in prepared]
        views += [picture.view for _, picture in prepared]
        found = extractor.features([picture for _, picture in prepared])
        vectors.append(embeddings_of(found, extractor.space.dimension))
        progress(len(batch))
    return Queries(
        tuple(item for item, _ in kept),
        tuple(digest for _, digest in kept),
        np.concatenate(vectors),
        tuple(rejects),
        tuple(views),
    )

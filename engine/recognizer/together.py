"""Many queries taken together: where they sit, as against the catalog, is taken out of each.

Queries are other pictures than the catalog's: photographs against packshots, one hand against
another. Much of the difference is a shift that all of them share. It is estimated by the
difference of two means, drawn towards none where there are few queries, and near-duplicates count
once, so that one thing asked a hundred times doesn't pass for where queries sit. Each query is then
moved back by it. Thresholds stay as they are.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from ..boxes import Crop
from ..gallery import Gallery, Snapshot
from ..gallery.following.loading import projected
from ..images import ImageSource
from ..types import FloatArray

LEAST = 20
"""So many different queries at least tell where queries sit."""

NEAR_DUPLICATE = 0.95
"""From this similarity of their embeddings on, two queries count as one."""

PRIOR_COUNT = 20
"""So many queries no shift at all counts for."""

_MOST = 4000


def taken_together(gallery: Gallery, snapshot: Snapshot, queries: Sequence[FloatArray]) -> Snapshot:
    """The same gallery, for those queries alone: what they share as against it is taken out.

    Args:
        queries: their embeddings, `(dim,) float32` each, unit length, before any projection.
    """
    asked = different(np.array(queries, np.float32).reshape(-1, snapshot.space.dimension))
    cohort = snapshot.cohort
    enrolled = cohort.example_ids[: len(cohort) - len(cohort.shipped)]
    if len(asked) < LEAST or not enrolled.size:
        return replace(snapshot, moved=f"{len(asked)} different queries are too few to go by")
    with gallery.catalog.read() as reader:
        pictures = reader.embeddings.of(snapshot.space.id, enrolled.tolist()).vectors
        contrary = reader.whole.counterexamples(snapshot.space)
    base = snapshot.projection
    shift = (asked.mean(axis=0) - base.query_mean) - (pictures.mean(axis=0) - base.mean)
    share = len(asked) / (len(asked) + PRIOR_COUNT)
    projection = base.moving_queries((-share * shift).astype(np.float32))
    return replace(
        snapshot,
        projection=projection,
        counterexamples=projected(contrary, projection),
        moved=f"where these {len(asked)} different queries sit was taken out of each",
    )


def different(vectors: FloatArray) -> FloatArray:
    """`(k, dim)`: unit rows `(n, dim) float32` without those that are near to one before.

    Of very many an even share is looked at.
    """
    if not len(vectors):
        return vectors
    some = vectors[np.unique(np.linspace(0, len(vectors) - 1, _MOST).astype(np.int64))]
    near = np.tril(some @ some.T >= NEAR_DUPLICATE, -1)
    kept = np.zeros(len(some), np.bool_)
    for row in range(len(some)):
        kept[row] = not (near[row] & kept).any()
    return some[kept]


def read_once(images: Iterable[ImageSource], most_bytes: int) -> list[ImageSource]:
    """Pictures that can be looked at again after `rewound`: of file objects what they hold.

    Args:
        most_bytes: no more of a file object is read, as it would be refused.
    """
    return [
        Crop(_held(image.image, most_bytes), image.box)
        if isinstance(image, Crop)
        else _held(image, most_bytes)
        for image in images
    ]


def rewound(images: Iterable[ImageSource]) -> None:
    """Make what `read_once` returned ready to be looked at from the beginning."""
    for image in images:
        inner = image.image if isinstance(image, Crop) else image
        if isinstance(inner, _Held):
            inner.seek(0)


class _Held(io.BytesIO):
    """What a file object held, by its name."""

    name: object = None


def _held(image: ImageSource, most_bytes: int) -> ImageSource:
    if isinstance(image, Image.Image) or not hasattr(image, "read"):
        return image
    held = _Held(image.read(most_bytes + 1))
    held.name = getattr(image, "name", None)
    return held

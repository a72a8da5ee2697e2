"""One listed picture's way to the network's input; runs in worker threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import ImageError
from ..features import FeatureExtractor, PreparedPicture
from ..images import content_hash
from ..types import KeepPictures, Reject
from .sources import Item

Enrolled = Sequence[tuple[int, str]]
"""`(example id, content hash)` of what a class holds from one source."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture that is to be embedded."""

    item: Item
    prepared: PreparedPicture


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A picture that is enrolled already, byte for byte; it isn't even decoded."""

    item: Item
    example_id: int


Loaded = Prepared | Unchanged | Reject


def load_item(
    item: Item,
    enrolled: Enrolled,
    extractor: FeatureExtractor,
    keep: KeepPictures,
    local_points: int = 0,
) -> Loaded:
    """Read, decode and resize one picture.

    Args:
        enrolled: what its class holds from this source.
    """
    try:
        if enrolled:
            digest = content_hash(item.image, limits=extractor.limits)
            for example_id, known in enrolled:
                if known == digest:
                    return Unchanged(item, example_id)
        return Prepared(item, extractor.prepare_example(item.image, keep, local_points))
    except ImageError as error:
        return Reject(item.source, error.reason)

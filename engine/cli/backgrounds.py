"""Pictures for the scenery of synthetic photographs: as many as memory should hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..images import ImageSource
    from ..types import ByteArray

_MOST = 150


def read_places(folder: Path, size: int) -> list[ByteArray]:
    """`(h, w, 3) uint8` of the pictures below a folder, or of some from all over it.

    Raises:
        ImageError: there are none.
    """
    from ..bulk.folders import pictures_below
    from ..errors import ImageError

    found = list(readable(spread(list(pictures_below(folder))), size))
    if not found:
        raise ImageError(str(folder), "expected pictures of places, but there are none")
    return found


def spread(listed: Sequence[ImageSource]) -> Sequence[ImageSource]:
    """As many as memory should hold, from all over the list."""
    return listed[:: max(1, -(-len(listed) // _MOST))]


def readable(listed: Sequence[ImageSource], size: int) -> Iterator[ByteArray]:
    """`(h, w, 3) uint8` of those that can be read; the short side is `size` pixels or more."""
    from ..errors import ImageError

    for image in listed:
        try:
            yield pixels_of(image, size)
        except ImageError:
            continue


def pixels_of(image: ImageSource, size: int) -> ByteArray:
    """`(h, w, 3) uint8`; see `load_image` for what it raises."""
    import numpy as np

    from ..images import load_image

    return np.asarray(load_image(image, min_side_hint=size).pixels)

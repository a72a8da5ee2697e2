"""A closer look at a picture: at its middle, where a photographer puts the thing.

A photograph shows the thing small, among others, and an embedding of the whole frame tells of these
as well. A second one, of the middle alone, is asked for where the first doesn't settle a query.
"""

from __future__ import annotations

import threading
from functools import partial

from PIL import Image

from ..images import HeldPicture
from ..types import ByteArray, FloatArray, Region
from .embedder import Embedder

SHARE = 0.6
"""Of each side of the picture; see `docs/recognition.md` for what else was tried."""


class CloserLook:
    """The middle of a picture, embedded when that is first asked for; may be shared by threads.

    Args:
        picture: upright.
        size: its width and height in its source, in whose pixels the box is told.

    Attributes:
        box: what is looked at: left, top, right and bottom.
    """

    def __init__(self, picture: HeldPicture, size: tuple[int, int], embedder: Embedder) -> None:
        self.box = _middle(*size)
        self._embedder = embedder
        self._pixels = picture.later(partial(_prepared, embedder))
        self._embedding: FloatArray | None = None
        self._embedding_it = threading.Lock()

    def embedding(self) -> FloatArray:
        """`(dim,) float32`, unit length, not projected; the picture is let go of then.

        Raises:
            BackboneError: the backbone gave numbers that can't be normalised.
        """
        with self._embedding_it:
            if self._embedding is None:
                [self._embedding] = self._embedder.embed_prepared([self._pixels()])
                del self._pixels
            return self._embedding


def _prepared(embedder: Embedder, picture: Image.Image) -> ByteArray:
    left, top, right, bottom = map(round, _middle(*picture.size))
    part = picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
    return embedder.backbone.prepare(part)


def _middle(width: int, height: int) -> Region:
    left, top = width * (1 - SHARE) / 2, height * (1 - SHARE) / 2
    return left, top, width - left, height - top

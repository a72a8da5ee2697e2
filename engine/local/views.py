"""What more can be asked of a query than the embedding of its whole frame.

Most of what a query costs is finding its points; many a query needs neither them nor a closer look.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

import numpy as np
from PIL import Image

from ..images import HeldPicture
from ..types import FloatArray, Region
from .base import DESCRIPTOR_BYTES, QUERY_LONG_SIDE, LocalExtractor, LocalFeatures
from .sift import RootSift, shrunk
from .verifying import LocalQuery

QUERY_POINTS = 1200
"""So many points of a query are compared."""


class Closer(Protocol):
    """A part of a picture, embedded by itself when that is asked for."""

    box: Region

    def embedding(self) -> FloatArray:
        """`(dim,) float32`, unit length, not projected."""


class QueryView:
    """A grey view of a picture, and a closer look at it; may be shared by threads.

    Args:
        size: width and height of the picture in its source, in whose pixels points are told.
        closer: a closer look at it; None where that isn't to be had.
    """

    def __init__(
        self,
        picture: HeldPicture,
        size: tuple[int, int],
        extractor: LocalExtractor | None = None,
        closer: Closer | None = None,
    ) -> None:
        self.closer = closer
        self._view: Callable[[], Image.Image] | None = picture.later(grey_view)
        self._size = size
        self._extractor = extractor or default_extractor()
        self._query: LocalQuery | None = None
        self._finding = threading.Lock()

    def query(self) -> LocalQuery:
        """Its local features, ready to be compared; the picture is let go of then."""
        with self._finding:
            if self._query is None:
                assert self._view is not None
                view = self._view()
                found = self._extractor.extract(
                    view, long_side=QUERY_LONG_SIDE, points=QUERY_POINTS, size=self._size
                )
                self._query, self._view = LocalQuery.of_view(found, view), None
            return self._query

    @classmethod
    def of(cls, query: LocalQuery, closer: Closer | None = None) -> QueryView:
        """One whose local features are known."""
        made = object.__new__(cls)
        made._view, made._query, made._finding = None, query, threading.Lock()
        made.closer = closer
        return made

    @classmethod
    def without_points(cls, size: tuple[int, int], closer: Closer) -> QueryView:
        """One for where local features don't count."""
        none = LocalFeatures(
            *size, np.empty((0, 4), np.float32), np.empty((0, DESCRIPTOR_BYTES), np.uint8)
        )
        return cls.of(LocalQuery(none), closer)


def grey_view(picture: Image.Image, long_side: int = QUERY_LONG_SIDE) -> Image.Image:
    """A grey copy with a long side of so many pixels at most."""
    return Image.fromarray(shrunk(np.asarray(picture.convert("L")), long_side))


def default_extractor() -> LocalExtractor:
    """What finds local features unless told otherwise."""
    return RootSift()

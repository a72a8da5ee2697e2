"""A query's view, from which its local features are found when they are first asked for.

Most of what a query costs is finding its points; many a query needs none.
"""

from __future__ import annotations

import threading

import numpy as np
from PIL import Image

from .base import QUERY_LONG_SIDE, LocalExtractor
from .sift import RootSift, shrunk
from .verifying import LocalQuery

QUERY_POINTS = 1200
"""So many points of a query are compared."""


class QueryView:
    """A grey view of a picture; may be shared by threads.

    Args:
        picture: upright.
        size: width and height of the picture in its source, in whose pixels points are told.
    """

    def __init__(
        self, picture: Image.Image, size: tuple[int, int], extractor: LocalExtractor | None = None
    ) -> None:
        grey = shrunk(np.asarray(picture.convert("L")), QUERY_LONG_SIDE)
        self._view: Image.Image | None = Image.fromarray(grey)
        self._size = size
        self._extractor = extractor or default_extractor()
        self._query: LocalQuery | None = None
        self._finding = threading.Lock()

    def query(self) -> LocalQuery:
        """Its local features, ready to be compared; the view is let go of then."""
        with self._finding:
            if self._query is None:
                assert self._view is not None
                found = self._extractor.extract(
                    self._view, long_side=QUERY_LONG_SIDE, points=QUERY_POINTS, size=self._size
                )
                self._query, self._view = LocalQuery(found), None
            return self._query

    @classmethod
    def of(cls, query: LocalQuery) -> QueryView:
        """One whose local features are known."""
        made = object.__new__(cls)
        made._view, made._query, made._finding = None, query, threading.Lock()
        return made


def default_extractor() -> LocalExtractor:
    """What finds local features unless told otherwise."""
    return RootSift()

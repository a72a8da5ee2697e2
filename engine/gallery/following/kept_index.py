"""A gallery's index, wherever it is kept."""

from __future__ import annotations

from typing import Protocol

from ...catalog import Catalog, Commit, GalleryState
from ...indexes import VectorIndex
from ...projections import Projection
from ...types import IntArray, Space


class KeptIndex(Protocol):
    """Has the index over a catalog's vectors, and keeps what spares the next opening some work.

    One thread at a time calls its methods.

    Attributes:
        engine: what searches.
        reason: why that.
    """

    engine: str
    reason: str

    @property
    def index(self) -> VectorIndex:
        """Over the catalog's vectors in the searched space, once it has been opened."""

    def open(
        self, catalog: Catalog, state: GalleryState, projection: Projection, *, anew: bool
    ) -> None:
        """Have an index that is no further behind than a state of the catalog.

        Args:
            anew: make it of the catalog's vectors, whatever was kept, and keep that.
        """

    def follow(
        self,
        catalog: Catalog,
        space: Space,
        projection: Projection,
        added: IntArray,
        removed: IntArray,
    ) -> None:
        """Add and remove examples; what is there, or gone, already does no harm."""

    @property
    def usable(self) -> bool:
        """Whether what is searched is there still."""

    def save_if_worthwhile(self, commit: Commit, space_id: str) -> None:
        """Keep what this process has done, if that is worth it.

        Args:
            commit: of the catalog, that the index holds.
            space_id: of the searched space.
        """

    def discard(self) -> None:
        """Throw away what may hold something that was removed."""

"""The local features of a gallery's examples: how many points of each are kept, and which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...local import default_extractor
from ...types import StoredLocalFeatures
from ..live import LiveGallery

if TYPE_CHECKING:
    from ...catalog.writing import WriteTransaction


class Local:
    """Keeps and drops local features; one transaction each."""

    def __init__(self, live: LiveGallery) -> None:
        self._live = live

    def missing(self) -> tuple[list[int], list[int]]:
        """The ids of examples without local features that can be compared.

        Returns:
            Those whose pictures are kept, from which they can be found, and the others.
        """
        return self._live.catalog.ask(
            lambda read: read.local_features.lacking(default_extractor().name)
        )

    def set_points(self, points: int) -> None:
        """Keep so many points of each picture from now on; with another number, none of before.

        Those of the pictures that are kept can be found again by filling the gallery.
        """
        if points == self._live.catalog.state().local_points:
            return

        def write(transaction: WriteTransaction) -> None:
            transaction.set_local_points(points)
            transaction.local_features.drop(
                {example.id: example.class_id for example in transaction.read.examples.stream()}
            )

        self._live.write_patiently(write)

    def put(self, features: Mapping[int, StoredLocalFeatures]) -> None:
        """Keep examples' local features, by id; those that were removed meanwhile are left out."""
        self._live.write_patiently(lambda transaction: transaction.local_features.put(features))

"""Moves a gallery between a folder and a server's database, exactly, either way."""

from __future__ import annotations

import os
from collections.abc import Callable

from ...catalog import Catalog
from ...catalog.copying import copy_catalog
from ..location import GalleryFolder, location_of


def migrate_gallery(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    progress: Callable[[int], None] = lambda _rows: None,
) -> dict[str, int]:
    """Copy a gallery to another place, with every id; how many rows each table has.

    Interrupted, the same call goes on where it stopped. The copy is compared with the source by
    counts and hashes before it may be opened. Each process makes its own index when it opens it.

    Args:
        source, destination: folders or database URLs; the destination holds no gallery yet.
        progress: called with the number of rows copied since its last call.

    Raises:
        GalleryNotFoundError: there is no gallery at `source`.
        GalleryError: something is at `destination`, or the source was changed in between.
        GalleryVersionError: a server's tables are missing or must be upgraded first.
    """
    here, there = location_of(source), location_of(destination)
    here.require()
    Catalog.open(here.database).close()  # says what is wrong; a file is upgraded
    if isinstance(there, GalleryFolder):
        there.require_free()
    return copy_catalog(here.database, there.made().database, progress)

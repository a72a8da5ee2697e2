"""Where a gallery's index is kept: by each process in its memory, or in the database for all.

`auto` means FAISS in this process, unless the gallery's database holds a table that pgvector
searches: whoever asked for that has chosen for all.
"""

from __future__ import annotations

from pathlib import Path

from ...catalog import Catalog
from ...errors import GalleryError, SettingsError
from ..location import GalleryFolder, GalleryLocation
from .index_in_memory import IndexInMemory
from .kept_index import KeptIndex

AUTO, FAISS, PGVECTOR = "auto", IndexInMemory.engine, "pgvector"


def check_index(index: str, location: GalleryLocation) -> None:
    """Refuse an index that a gallery at that place can't have.

    Args:
        index: `auto`, `faiss` or `pgvector`.

    Raises:
        SettingsError: it is something else.
        GalleryError: pgvector is asked for, and the gallery is a folder.
    """
    if index not in (AUTO, FAISS, PGVECTOR):
        raise SettingsError(f"expected the index auto, faiss or pgvector, but got {index!r}")
    if index == PGVECTOR and isinstance(location, GalleryFolder):
        raise GalleryError(
            f"{location}: expected a gallery in PostgreSQL, since pgvector searches in the "
            "database, but got a folder; copy it with `onelook migrate`, or use the index `faiss`"
        )


def chosen_index(index: str, location: GalleryLocation, catalog: Catalog, file: Path) -> KeptIndex:
    """What keeps the index of a gallery.

    Args:
        index: as `check_index` accepts it.
        file: for what FAISS holds.
    """
    writable = not catalog.read_only
    if isinstance(location, GalleryFolder):
        return IndexInMemory(file, writable=writable, reason="the gallery is a folder")
    from ...indexes.pgvector_index import has_table  # imports SQLAlchemy
    from .index_in_database import IndexInDatabase

    if index == PGVECTOR:
        return IndexInDatabase("it was asked for")
    if index == FAISS:
        return IndexInMemory(file, writable=writable, reason="it was asked for", instead=True)
    if has_table(catalog.index_transaction):
        return IndexInDatabase("the database holds a table for it")
    reason = "no process has asked for pgvector"
    return IndexInMemory(file, writable=writable, reason=reason)

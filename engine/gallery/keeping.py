"""Where a gallery's index is kept: by each process in its memory, or in the database for all.

`auto` means FAISS in this process, unless the gallery's database holds a table that pgvector
searches: whoever asked for that has chosen for all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from engine.catalog import Catalog
from engine.errors import GalleryError, SettingsError
from engine.gallery.location import GalleryFolder, GalleryLocation
from engine.gallery.shared_view import SharedView
from engine.gallery.snapshots import Snapshots
from engine.gallery.view import View
from engine.indexes.pgvector_index import drop_tables, has_table

AUTO, FAISS, PGVECTOR = "auto", "faiss", "pgvector"


class Keeper(Protocol):
    """Loads a gallery's view, and keeps what spares the next opening some work.

    Attributes:
        engine: what searches.
        reason: why that.
    """

    engine: str
    reason: str

    def load(self, catalog: Catalog) -> View:
        """Copy the catalog into memory, and see to the index over its vectors."""

    def load_anew(self, catalog: Catalog) -> View:
        """The same after a change that can't be followed."""

    def rebuild(self, catalog: Catalog) -> View:
        """The same, the index made anew from the catalog's vectors."""

    def save_if_worthwhile(self, view: View) -> None:
        """Keep what this process has done, if that is worth it."""

    def discard(self) -> None:
        """Throw away what may hold something that was removed."""


class OwnIndex(Snapshots):
    """FAISS, in the memory of each process; a snapshot is kept in a file."""

    engine = FAISS

    def __init__(self, path: Path, *, writable: bool, reason: str) -> None:
        super().__init__(path, writable=writable)
        self.reason = reason

    def load_anew(self, catalog: Catalog) -> View:
        view = View.load(catalog, None)
        self.discard()
        return view

    def rebuild(self, catalog: Catalog) -> View:
        view = View.load(catalog, None)
        self.save(view)
        return view


class OwnIndexAgain(OwnIndex):
    """FAISS, asked for in the place of pgvector; a rebuild gives the database's room back."""

    def rebuild(self, catalog: Catalog) -> View:
        drop_tables(catalog.index_transaction)
        return super().rebuild(catalog)


class SharedIndex:
    """pgvector, in the gallery's database; nothing is kept here."""

    engine = PGVECTOR

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self._made_at: int | None = None

    def load(self, catalog: Catalog) -> View:
        view = SharedView.open(catalog)
        self._made_at = view.generation if view.index.made else None
        return view

    def load_anew(self, catalog: Catalog) -> View:
        return SharedView.open(catalog)

    def rebuild(self, catalog: Catalog) -> View:
        just_made = self._made_at == catalog.generation()  # by opening the gallery
        self._made_at = None
        return SharedView.open(catalog, rebuild=not just_made)

    def save_if_worthwhile(self, view: View) -> None:
        pass

    def discard(self) -> None:
        pass


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


def keeper_for(index: str, location: GalleryLocation, catalog: Catalog, snapshot: Path) -> Keeper:
    """What keeps the index of a gallery.

    Args:
        index: as `check_index` accepts it.
        snapshot: the file for what FAISS holds.
    """
    writable = not catalog.read_only
    if index == PGVECTOR:
        return SharedIndex("it was asked for")
    if isinstance(location, GalleryFolder):
        return OwnIndex(snapshot, writable=writable, reason="the gallery is a folder")
    if index == FAISS:
        return OwnIndexAgain(snapshot, writable=writable, reason="it was asked for")
    if has_table(catalog.index_transaction):
        return SharedIndex("the database holds a table for it")
    reason = "no process has asked for pgvector"
    return OwnIndex(snapshot, writable=writable, reason=reason)

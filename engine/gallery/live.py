"""What every part of a gallery rests on: its catalog, a snapshot that follows it, one way to write.

A write is one transaction of the catalog; the snapshot then follows the change log, by the same
path that brings other processes' changes. A crash in between loses nothing, for the next opening
follows the log too.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from ..catalog import Catalog
from ..errors import ReadOnlyError, StorageError, UnavailableError
from ..forking import in_forked_child
from ..patience import patiently
from .following.choosing import chosen_index
from .following.following import followed
from .following.kept_index import KeptIndex
from .following.loading import load
from .location import GalleryLocation
from .snapshot import Snapshot

if TYPE_CHECKING:
    from ..catalog.writing import WriteTransaction

LOGGER = logging.getLogger(__name__)
PATIENCE = 60.0
"""Seconds that enrolling waits for a server that is away."""

T = TypeVar("T")


class LiveGallery:
    """An open catalog and its snapshot; may be shared by the threads of a process.

    While a shared gallery's server is away, the snapshot stays as it is.

    Attributes:
        location: where it lies.
        folder: where this machine keeps its files.
        catalog: the transactional store, for reading; writes go through `write`.
        kept: the index, and what is kept of it.
    """

    def __init__(
        self, location: GalleryLocation, catalog: Catalog, *, poll_seconds: float, index: str
    ) -> None:
        """Load it; the catalog is closed where that fails."""
        self.location = location
        self.catalog = catalog
        self._poll_seconds = poll_seconds
        self._index = index
        self._following = threading.Lock()
        try:
            self.folder = location.files(catalog.state().uuid)
            self.kept = self._chosen()
            self._snapshot = self._loaded()
        except BaseException:
            catalog.close()
            raise
        self._looked = time.monotonic()
        self._cut_off = False
        in_forked_child(self._renew)

    def close(self) -> None:
        """Keep what spares the next opening some work, if worth it, and let go of the database."""
        held = self._snapshot
        self.kept.save_if_worthwhile(held.commit, held.space_id)
        self.catalog.close()

    @property
    def read_only(self) -> bool:
        """Whether writes are refused."""
        return self.catalog.read_only

    def snapshot(self) -> Snapshot:
        """What to decide by, with others' changes no older than the poll interval."""
        if time.monotonic() - self._looked >= self._poll_seconds and self._following.acquire(
            blocking=False
        ):
            try:
                self._follow()
                self._cut_off = False
            except UnavailableError as error:
                if not self._cut_off:
                    LOGGER.warning("%s; going on with what was known before", error)
                self._cut_off = True
            finally:
                self._following.release()
        return self._snapshot

    def newest(self) -> Snapshot:
        """The snapshot of the catalog as it is now."""
        with self._following:
            self._follow()
            return self._snapshot

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        """One transaction; when it has committed, the snapshot follows.

        Raises:
            ReadOnlyError: the gallery was opened read-only.
            StorageError: what was written can't be read back.
        """
        if self.read_only:
            raise ReadOnlyError(
                f"{self.location}: is opened read-only, or its files may not be written; "
                "nothing was changed"
            )
        with self.catalog.write() as transaction:
            yield transaction
        with self._following:
            try:
                patiently(self._follow, seconds=PATIENCE)
            except UnavailableError as error:
                raise StorageError(
                    f"{error}. The last change was written, but can't be read back; open the "
                    "gallery again when the server is there"
                ) from error

    def write_patiently(self, work: Callable[[WriteTransaction], T]) -> T:
        """One transaction, begun again where a server was lost before it had committed."""

        def attempt() -> T:
            with self.write() as transaction:
                return work(transaction)

        return patiently(attempt, seconds=PATIENCE)

    def rebuild(self) -> None:
        """Make the index anew from the catalog's vectors."""
        with self._following:
            self._snapshot = self._loaded(anew=True)

    def _renew(self) -> None:
        """Whoever followed when this process was forked doesn't in the child."""
        self._following = threading.Lock()

    def _follow(self) -> None:
        """Bring the snapshot up to date; the caller holds the lock."""
        self._looked = time.monotonic()
        following = followed(self.catalog, self.kept, self._snapshot) if self.kept.usable else None
        if following is None:
            self.kept.discard()
            self.kept = self._chosen()  # others may have chosen otherwise meanwhile
            following = self._loaded()
        self._snapshot = following

    def _loaded(self, *, anew: bool = False) -> Snapshot:
        """A snapshot loaded whole; the log brings together what was read side by side."""
        snapshot = load(self.catalog, self.kept, anew=anew)
        found = followed(self.catalog, self.kept, snapshot)
        return found if found is not None else self._loaded(anew=anew)

    def _chosen(self) -> KeptIndex:
        return chosen_index(self._index, self.location, self.catalog, self.folder.index_file)

"""What every part of a gallery rests on: its catalog, a view that follows it, one way to write."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeVar

from engine.catalog import Catalog, WriteTransaction
from engine.errors import ReadOnlyError, StorageError, UnavailableError
from engine.gallery.keeping import AUTO, Keeper, keeper_for
from engine.gallery.location import GalleryLocation
from engine.gallery.view import View
from engine.patience import patiently

LOGGER = logging.getLogger(__name__)
PATIENCE = 60.0
"""Seconds that enrolling waits for a server that is away."""

T = TypeVar("T")


class OpenGallery:
    """An open catalog and its view; see `Gallery`."""

    def __init__(
        self,
        location: GalleryLocation,
        catalog: Catalog,
        *,
        poll_seconds: float,
        index: str = AUTO,
    ) -> None:
        self.location = location
        self.folder = location.files(catalog.state().uuid)
        self.catalog = catalog
        self._poll_seconds = poll_seconds
        self._index = index
        self._following = threading.Lock()
        try:
            self._keeper = self._chosen_keeper()
            self._view = self._keeper.load(catalog)
        except BaseException:
            catalog.close()
            raise
        self._looked = time.monotonic()
        self._cut_off = False

    def close(self) -> None:
        """Keep the index's snapshot if that is worth it, and let go of the database."""
        self._keeper.save_if_worthwhile(self._view)
        self.catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def read_only(self) -> bool:
        """Whether this gallery refuses writes."""
        return self.catalog.read_only

    def view(self) -> View:
        """What to search, with others' changes no older than the poll interval."""
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
        return self._view

    @contextmanager
    def _write(self) -> Iterator[WriteTransaction]:
        """One transaction; when it has committed, the view follows."""
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

    def _write_patiently(self, work: Callable[[WriteTransaction], T]) -> T:
        """One transaction, begun again where a server was lost before it had committed."""

        def attempt() -> T:
            with self._write() as transaction:
                return work(transaction)

        return patiently(attempt, seconds=PATIENCE)

    def _follow(self) -> None:
        """Bring the view up to date; the caller holds the lock."""
        self._looked = time.monotonic()
        view = self._view
        removed = view.removals
        if not view.follow(self.catalog):
            self._keeper = self._chosen_keeper()  # others may have chosen otherwise meanwhile
            self._view = self._keeper.load_anew(self.catalog)
        elif view.removals != removed:
            self._keeper.discard()  # what was removed must not linger in a file

    def _chosen_keeper(self) -> Keeper:
        return keeper_for(self._index, self.location, self.catalog, self.folder.snapshot)

"""A gallery: the enrolled classes, their examples and the index over them.

The only writer of catalog and index. A write is one transaction of the catalog; the index then
follows the change log, by the same path that brings other processes' changes. A crash in between
loses nothing, for the next opening follows the log too.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType


from engine.catalog import Catalog, WriteTransaction
from engine.errors import ReadOnlyError
from engine.gallery.location import GalleryFolder
from engine.gallery.near_duplicates import near_duplicates
from engine.gallery.snapshots import Snapshots
from engine.gallery.view import View
from engine.gallery.writing import write_examples
from engine.types import Enrolment, KeepPictures, NewExample, Reject, Space

LOGGER = logging.getLogger(__name__)


class Gallery:
    """An open gallery; may be shared by the threads of a process.

    Several processes may open one gallery at a time: writes wait for each other, and what another
    process wrote is seen within `poll_seconds`.

    Attributes:
        folder: where it lies.
        catalog: the transactional store, for reading; writes go through this class.
    """

    def __init__(self, folder: GalleryFolder, catalog: Catalog, *, poll_seconds: float) -> None:
        self.folder = folder
        self.catalog = catalog
        self._poll_seconds = poll_seconds
        self._following = threading.Lock()
        self._snapshots = Snapshots(folder.snapshot, writable=not catalog.read_only)
        self._view = self._snapshots.load(catalog)
        self._looked = time.monotonic()

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        space: Space,
        keep_pictures: KeepPictures = KeepPictures.BOUNDED,
        poll_seconds: float = 0.25,
    ) -> Gallery:
        """Make a gallery, or open the one that another process made there meanwhile.

        Raises:
            GalleryError: something else is at that path.
            StorageError: the folder can't be written.
        """
        folder = GalleryFolder(path)
        folder.require_free()
        catalog = Catalog.create(folder.made().database, space=space, keep_pictures=keep_pictures)
        return cls(folder, catalog, poll_seconds=poll_seconds)

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False, poll_seconds: float = 0.25) -> Gallery:
        """Open a gallery that is there.

        Raises:
            GalleryNotFoundError: it isn't.
            GalleryVersionError: it was written by a newer version.
            GalleryDamagedError: its database can't be read.
        """
        folder = GalleryFolder(path)
        folder.require()
        catalog = Catalog.open(folder.database, read_only=read_only)
        return cls(folder, catalog, poll_seconds=poll_seconds)

    def close(self) -> None:
        """Keep the index's snapshot if that is worth it, and let go of the database."""
        self._snapshots.save_if_worthwhile(self._view)
        self.catalog.close()

    def __enter__(self) -> Gallery:
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
            finally:
                self._following.release()
        return self._view

    def enroll(
        self,
        examples: Sequence[NewExample],
        *,
        rejects: Sequence[Reject] = (),
        origin: str | None = None,
        allow_duplicates: bool = False,
    ) -> list[Enrolment | Reject]:
        """Write a batch of examples in one transaction.

        Args:
            rejects: pictures of the same batch that could not be read, to be recorded.
            origin: the text that names the bulk source, for pruning.
            allow_duplicates: enroll a picture that another class holds already.

        Returns:
            What became of each example, in order: its enrolment, or why it was refused.

        Raises:
            ReadOnlyError, StorageError: nothing of the batch was written.
        """
        if not examples and not rejects:
            return []
        with self._write() as transaction:
            outcomes = write_examples(
                transaction, examples, origin=origin, allow_duplicates=allow_duplicates
            )
            transaction.put_rejects(rejects)
        return near_duplicates(self._view, examples, outcomes)

    def enrolled_from(
        self, sources: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], list[tuple[int, str]]]:
        """What is enrolled from those `(label, source)`: example ids and content hashes."""
        return self.catalog.known_sources(sources)

    def prune(self, origin: str, touched: Collection[int], rejected: Collection[str]) -> int:
        """Remove the examples of a bulk source that it no longer lists; how many those were.

        Classes left without an example are removed as well.

        Args:
            touched: ids of the examples that the source still lists.
            rejected: sources that are listed but could not be read this time.
        """
        vanished = [
            example
            for example in self.catalog.iter_examples(origin=origin)
            if example.id not in touched and example.source not in rejected
        ]
        if not vanished:
            return 0
        with self._write() as transaction:
            for example in vanished:
                transaction.remove_example(example.id)
            for class_id in sorted({example.class_id for example in vanished}):
                transaction.remove_class_if_empty(class_id)
        return len(vanished)

    def rename_class(self, label: str, new_label: str) -> None:
        """Rename a class.

        Raises:
            ClassNotFoundError, ClassExistsError, LabelError.
        """
        with self._write() as transaction:
            transaction.rename_class(transaction.class_id(label), new_label)

    def merge_classes(self, labels: Sequence[str], into: str) -> None:
        """Move the examples of several classes to another and remove the emptied ones.

        Raises:
            ClassNotFoundError: naming the one that isn't there.
        """
        with self._write() as transaction:
            target = transaction.class_id(into)
            sources = [transaction.class_id(label) for label in labels]
            transaction.merge_classes([s for s in sources if s != target], target)

    def remove_class(self, label: str) -> None:
        """Remove a class with its examples, their pictures and vectors.

        Raises:
            ClassNotFoundError: it isn't there.
        """
        with self._write() as transaction:
            transaction.remove_class(transaction.class_id(label))

    def remove_example(self, example_id: int) -> None:
        """Remove one example, its picture and vector.

        Raises:
            ExampleNotFoundError: it isn't there.
        """
        with self._write() as transaction:
            transaction.remove_example(example_id)

    def set_attributes(self, label: str, attributes: dict[str, object]) -> None:
        """Replace a class's attributes.

        Raises:
            ClassNotFoundError: it isn't there.
        """
        with self._write() as transaction:
            transaction.set_attributes(transaction.class_id(label), attributes)

    def pin_threshold(self, label: str, threshold: float | None) -> None:
        """Set a class's threshold by hand, or hand it back to the calibration with None.

        A pin holds for the searched space it was set in.

        Raises:
            ClassNotFoundError: the class isn't there.
        """
        with self._write() as transaction:
            transaction.pin_threshold(
                transaction.class_id(label), threshold, self._view.space_id
            )

    @contextmanager
    def _write(self) -> Iterator[WriteTransaction]:
        """One transaction; when it has committed, the view follows."""
        if self.read_only:
            raise ReadOnlyError(
                f"{self.folder.path}: is opened read-only, or its files may not be written; "
                "nothing was changed"
            )
        with self.catalog.write() as transaction:
            yield transaction
        with self._following:
            self._follow()

    def _follow(self) -> None:
        """Bring the view up to date; the caller holds the lock."""
        self._looked = time.monotonic()
        view = self._view
        removed = view.removals
        if not view.follow(self.catalog):
            self._view = View.load(self.catalog, None)
            self._snapshots.discard()
        elif view.removals != removed:
            self._snapshots.discard()  # what was removed must not linger in a file
            self.catalog.erase_removed()

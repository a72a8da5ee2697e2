"""A gallery: the enrolled classes, their examples and the index over them.

The only writer of catalog and index. A write is one transaction of the catalog; the index then
follows the change log, by the same path that brings other processes' changes. A crash in between
loses nothing, for the next opening follows the log too.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from engine.catalog import Catalog, StoredProjection, WriteTransaction
from engine.decision import Calibration
from engine.decision.rule import computed_threshold
from engine.errors import ReadOnlyError, SpaceMismatchError, StorageError, UnavailableError
from engine.gallery.checking import problems_of
from engine.gallery.exchange import count_added, read_batches, read_header, write_parquet
from engine.gallery.left_out import calibrate_on_gallery
from engine.gallery.location import GalleryFolder, GalleryLocation, parse_location
from engine.gallery.near_duplicates import near_duplicates
from engine.gallery.snapshots import Snapshots
from engine.gallery.statistics import statistics_of
from engine.gallery.view import View
from engine.gallery.writing import write_examples
from engine.patience import patiently
from engine.projections import Projection, shipped_projection
from engine.types import Enrolment, KeepPictures, NewExample, Reject, Space

LOGGER = logging.getLogger(__name__)
PATIENCE = 60.0
"""Seconds that enrolling waits for a server that is away."""

KEPT_CHANGES = 100_000
"""Entries of the change log that stay; a reader that is further behind loads everything anew."""

T = TypeVar("T")


class Gallery:
    """An open gallery; may be shared by the threads of a process.

    Several processes may open one gallery at a time: writes wait for each other, and what another
    process wrote is seen within `poll_seconds`. While a shared gallery's server is away, the view
    stays as it is, and enrolling waits a while.

    Attributes:
        location: where it lies.
        folder: where this machine keeps its files: that folder, or one in the user's cache.
        catalog: the transactional store, for reading; writes go through this class.
    """

    def __init__(self, location: GalleryLocation, catalog: Catalog, *, poll_seconds: float) -> None:
        self.location = location
        self.folder = location.files(catalog.state().uuid)
        self.catalog = catalog
        self._poll_seconds = poll_seconds
        self._following = threading.Lock()
        self._snapshots = Snapshots(self.folder.snapshot, writable=not catalog.read_only)
        self._view = self._snapshots.load(catalog)
        self._looked = time.monotonic()
        self._cut_off = False

    @classmethod
    def create(
        cls,
        place: str | os.PathLike[str],
        *,
        space: Space,
        keep_pictures: KeepPictures = KeepPictures.BOUNDED,
        poll_seconds: float = 0.25,
    ) -> Gallery:
        """Make a gallery, or open the one that another process made there meanwhile.

        Raises:
            GalleryError: something else is at that path.
            GalleryVersionError: the database's tables are missing or must be upgraded first.
            StorageError: the folder can't be written.
        """
        location = parse_location(place)
        if isinstance(location, GalleryFolder):
            location.require_free()
        catalog = Catalog.create(location.made().database, space=space, keep_pictures=keep_pictures)
        projection = shipped_projection(space)
        if projection is not None:
            _start_with(catalog, projection)
        return cls(location, catalog, poll_seconds=poll_seconds)

    @classmethod
    def open(
        cls,
        place: str | os.PathLike[str],
        *,
        read_only: bool = False,
        poll_seconds: float = 0.25,
    ) -> Gallery:
        """Open a gallery that is there.

        Args:
            place: a folder, or a database URL.

        Raises:
            GalleryNotFoundError: it isn't.
            GalleryVersionError: it was written by a newer version.
            GalleryDamagedError: its database can't be read.
        """
        location = parse_location(place)
        location.require()
        catalog = Catalog.open(location.database, read_only=read_only)
        return cls(location, catalog, poll_seconds=poll_seconds)

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
                self._cut_off = False
            except UnavailableError as error:
                if not self._cut_off:
                    LOGGER.warning("%s; going on with what was known before", error)
                self._cut_off = True
            finally:
                self._following.release()
        return self._view

    def enroll(
        self,
        examples: Sequence[NewExample],
        *,
        rejects: Sequence[Reject] = (),
        allow_duplicates: bool = False,
    ) -> list[Enrolment | Reject]:
        """Write a batch of examples in one transaction.

        Args:
            rejects: pictures of the same batch that could not be read, to be recorded.
            allow_duplicates: enroll a picture that another class holds already.

        Returns:
            What became of each example, in order: its enrolment, or why it was refused.

        Raises:
            ReadOnlyError, StorageError: nothing of the batch was written.
        """
        if not examples and not rejects:
            return []

        def write(transaction: WriteTransaction) -> list[Enrolment | Reject]:
            outcomes = write_examples(transaction, examples, allow_duplicates=allow_duplicates)
            transaction.put_rejects(rejects)
            return outcomes

        outcomes = self._write_patiently(write)
        self._measure([o.example_id for o in outcomes if isinstance(o, Enrolment) and o.changed])
        return near_duplicates(self._view, examples, outcomes)

    def enrolled_from(
        self, sources: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], list[tuple[int, str]]]:
        """What is enrolled from those `(label, source)`: example ids and content hashes."""
        return patiently(lambda: self.catalog.known_sources(sources), seconds=PATIENCE)

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
            transaction.remove_examples([example.id for example in vanished])
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
            transaction.pin_threshold(transaction.class_id(label), threshold, self._view.space_id)

    def calibrate(self) -> None:
        """Refresh every class's statistics and the calibration, from the gallery alone."""
        view = self._view
        everyone = np.array(sorted(view.table.labels), np.int64)
        statistics = statistics_of(view.index, view.table, view.cohort(), everyone)
        view.statistics.update(statistics)
        calibration = calibrate_on_gallery(view, generation=view.generation)

        def write(transaction: WriteTransaction) -> None:
            transaction.put_class_statistics(view.space_id, statistics)
            transaction.put_calibration(view.space_id, calibration.to_bytes())
            transaction.trim_changes(keep=KEPT_CHANGES)

        self._write_patiently(write)

    def use_calibration(self, calibration: Calibration, target_fpir: float) -> None:
        """Decide by a calibration that was made on more than the gallery, for a target FPIR.

        It stays in force while the gallery grows, until another takes its place.
        """
        with self._write() as transaction:
            transaction.set_target_fpir(target_fpir)
            transaction.put_calibration(self._view.space_id, calibration.to_bytes())

    def use_projection(
        self, projection: Projection | None, calibration: Calibration | None = None
    ) -> None:
        """Search another space from now on; the embeddings stay, the index is made anew.

        Pinned thresholds hold for the space they were set in: they are suspended, and the log says
        how many.

        Args:
            projection: the map to it; None for the one that a fresh gallery of this backbone has.
            calibration: made in that space; without one the gallery's earlier one there is taken
                up again, or one is made of the gallery alone.
        """
        space = self.catalog.state().space
        projection = projection or shipped_projection(space) or Projection.identity(space.dimension)
        if self._view.pins:
            LOGGER.warning(
                "%d pinned thresholds are suspended: they hold for the space they were set in",
                len(self._view.pins),
            )
        with self._write() as transaction:
            payload = None if projection.matrix is None else projection.to_bytes()
            transaction.set_projection(_stored(payload))
            if calibration is not None:
                transaction.put_calibration(
                    space.id if payload is None else projection.id, calibration.to_bytes()
                )
        if not self._view.calibration.classes:
            self.calibrate()

    def set_target_fpir(self, target: float) -> None:
        """Set the share of strangers that may get a label, in (0, 1)."""
        with self._write() as transaction:
            transaction.set_target_fpir(target)

    def _measure(self, example_ids: Sequence[int]) -> None:
        """Compare the classes of new examples with their impostors, and store what comes out.

        When the gallery has doubled since it was calibrated, it is calibrated anew. So however a
        gallery grows, each class is looked at a few times only, and one more class rewrites no
        other's row.
        """
        view = self._view
        class_ids = np.unique(view.table.classes_of(np.array(example_ids, np.int64)))
        if not class_ids.size:
            return
        if view.calibration.outgrown(view.classes):
            if view.calibration.automatic:
                self.calibrate()
                return
            LOGGER.warning(
                "the gallery has outgrown its calibration (%d classes then, %d now): run "
                "`onelook calibrate` again",
                view.calibration.classes,
                view.classes,
            )
        statistics = statistics_of(view.index, view.table, view.cohort(), class_ids)
        view.statistics.update(statistics)
        self._write_patiently(lambda t: t.put_class_statistics(view.space_id, statistics))

    def threshold_of(self, class_id: int) -> float | None:
        """The class's threshold as a score: pinned or computed; None while it has no example."""
        view = self.view()
        if class_id in view.pins:
            return view.pins[class_id]
        means, stds = view.moments_of(np.array([class_id]))
        threshold = computed_threshold(float(means[0]), float(stds[0]), view.level)
        return None if np.isnan(threshold) else threshold

    def describe(self) -> dict[str, Any]:
        """What the gallery holds and how it decides, for people and programs."""
        view, counts = self.view(), self.catalog.counts()
        state = view.state
        return {
            "gallery": str(self.location),
            "classes": counts.classes,
            "examples": counts.examples,
            "pictures": counts.pictures,
            "picture_bytes": counts.picture_bytes,
            "rejects": len(self.catalog.rejects()),
            "generation": view.generation,
            "backbone": state.space.backbone,
            "space": state.space.id,
            "projection": view.projection.kind,
            "searched_space": view.space_id,
            "index": view.index.describe(),
            "target_fpir": view.target_fpir,
            "calibration": view.calibration.describe(view.target_fpir, view.classes),
            "pinned_thresholds": len(view.pins),
            "keep_pictures": state.keep_pictures.value,
            "created_at": state.created_at.isoformat(),
            "read_only": self.read_only,
        }

    def check(self) -> list[str]:
        """Everything that is wrong with the gallery, one sentence each."""
        with self._following:
            self._follow()
        return list(problems_of(self.catalog, self._view, self.folder.snapshot))

    def rebuild(self) -> None:
        """Make the index anew from the database, and its snapshot with it."""
        with self._following:
            self._view = View.load(self.catalog, None)
            self._snapshots.save(self._view)

    def backup(self, path: Path) -> None:
        """Copy a folder's gallery to a new folder, consistently while others write.

        Raises:
            GalleryError: something is at that path.
            StorageError: the copy can't be written.
        """
        folder = GalleryFolder(path)
        folder.require_free()
        self.catalog.backup(folder.made().database)

    def export(self, path: Path) -> int:
        """Write everything to a Parquet file; how many examples that was.

        Raises:
            GalleryError: the file can't be written.
        """
        return write_parquet(self.catalog, path)

    @classmethod
    def create_from_export(cls, place: str | os.PathLike[str], source: Path) -> Gallery:
        """Make a gallery of what `export` wrote.

        Raises:
            GalleryError: something is at `place`, or `source` is no export.
        """
        header = read_header(source)
        parse_location(place).require_free()
        gallery = cls.create(place, space=header.space, keep_pictures=header.keep_pictures)
        with gallery._write() as transaction:
            transaction.set_target_fpir(header.target_fpir)
            transaction.set_projection(_stored(header.projection))
        gallery.import_export(source)
        return gallery

    def import_export(self, source: Path) -> int:
        """Add what `export` wrote to this gallery; how many examples were new.

        Raises:
            GalleryError: `source` is no export, or of another space.
        """
        header = read_header(source)
        space = self.catalog.state().space
        if header.space.id != space.id:
            raise SpaceMismatchError(
                f"{source}: holds embeddings of {header.space.backbone!r} (space "
                f"{header.space.id}), but {self.location} is of {space.backbone!r} (space "
                f"{space.id}); import it into a new gallery"
            )
        added = 0
        for classes, examples in read_batches(source):
            added += count_added(self.enroll(examples, allow_duplicates=True))
            with self._write() as transaction:
                for entry in classes:
                    class_id = transaction.ensure_class(entry.label, entry.attributes)
                    if entry.pinned_threshold is not None:
                        transaction.pin_threshold(
                            class_id, entry.pinned_threshold, self._view.space_id
                        )
        return added

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
            self._view = View.load(self.catalog, None)
            self._snapshots.discard()
        elif view.removals != removed:
            self._snapshots.discard()  # what was removed must not linger in a file


def _start_with(catalog: Catalog, projection: Projection) -> None:
    """Give a gallery that was just made its projection."""
    state = catalog.state()
    if state.projection_id is None and not state.generation:
        with catalog.write() as transaction:
            transaction.set_projection(_stored(projection.to_bytes()))


def _stored(payload: bytes | None) -> StoredProjection | None:
    """A projection as the catalog holds it."""
    if payload is None:
        return None
    projection = Projection.from_bytes(payload)
    return StoredProjection(projection.id, projection.kind, payload)

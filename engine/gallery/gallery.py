"""A gallery: the enrolled classes, their examples and the index over them.

The only writer of catalog and index. A write is one transaction of the catalog; the index then
follows the change log, by the same path that brings other processes' changes. A crash in between
loses nothing, for the next opening follows the log too.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from engine.catalog import Catalog, WriteTransaction
from engine.errors import SpaceMismatchError
from engine.gallery.checking import problems_of
from engine.gallery.classes import ClassAdministration
from engine.gallery.exchange import count_added, read_batches, read_header, write_parquet
from engine.gallery.heads import HeadKeeping
from engine.gallery.keeping import AUTO, check_index
from engine.gallery.location import GalleryFolder, parse_location
from engine.gallery.moving import SpaceMoving
from engine.gallery.near_duplicates import near_duplicates
from engine.gallery.opened import PATIENCE
from engine.gallery.space import stored_projection
from engine.gallery.tables import searched_space
from engine.gallery.writing import Listing, write_examples
from engine.patience import patiently
from engine.projections import Projection, shipped_projection
from engine.types import Enrolment, KeepPictures, NewExample, Reject, Space


class Gallery(ClassAdministration, SpaceMoving, HeadKeeping):
    """An open gallery; may be shared by the threads of a process.

    Several processes may open one gallery at a time: writes wait for each other, and what another
    process wrote is seen within `poll_seconds`. While a shared gallery's server is away, the view
    stays as it is, and enrolling waits a while.

    Attributes:
        location: where it lies.
        folder: where this machine keeps its files: that folder, or one in the user's cache.
        catalog: the transactional store, for reading; writes go through this class.
    """

    @classmethod
    def create(
        cls,
        place: str | os.PathLike[str],
        *,
        space: Space,
        keep_pictures: KeepPictures = KeepPictures.BOUNDED,
        poll_seconds: float = 0.25,
        index: str = AUTO,
    ) -> Gallery:
        """Make a gallery, or open the one that another process made there meanwhile.

        Args:
            index: what searches: `auto`, `faiss` or `pgvector`.

        Raises:
            GalleryError: something else is at that path.
            GalleryVersionError: the database's tables are missing or must be upgraded first.
            StorageError: the folder can't be written.
        """
        location = parse_location(place)
        check_index(index, location)
        if isinstance(location, GalleryFolder):
            location.require_free()
        catalog = Catalog.create(location.made().database, space=space, keep_pictures=keep_pictures)
        projection = shipped_projection(space)
        if projection is not None:
            _start_with(catalog, projection)
        return cls(location, catalog, poll_seconds=poll_seconds, index=index)

    @classmethod
    def open(
        cls,
        place: str | os.PathLike[str],
        *,
        read_only: bool = False,
        poll_seconds: float = 0.25,
        index: str = AUTO,
    ) -> Gallery:
        """Open a gallery that is there.

        Args:
            place: a folder, or a database URL.
            index: what searches: `auto`, `faiss` or `pgvector`.

        Raises:
            GalleryNotFoundError: it isn't.
            GalleryVersionError: it was written by a newer version.
            GalleryDamagedError: its database can't be read.
        """
        location = parse_location(place)
        check_index(index, location)
        location.require()
        catalog = Catalog.open(location.database, read_only=read_only)
        return cls(location, catalog, poll_seconds=poll_seconds, index=index)

    def enroll(
        self,
        examples: Sequence[NewExample],
        *,
        rejects: Sequence[Reject] = (),
        allow_duplicates: bool = False,
        listing: Listing | None = None,
    ) -> list[Enrolment | Reject]:
        """Write a batch of examples in one transaction.

        Args:
            rejects: pictures of the same batch that could not be read, to be recorded.
            allow_duplicates: enroll a picture that another class holds already.
            listing: the source that is enrolled as a whole, if these are part of one.

        Returns:
            What became of each example, in order: its enrolment, or why it was refused.

        Raises:
            ReadOnlyError, StorageError: nothing of the batch was written.
        """
        if not examples and not rejects:
            return []

        def write(transaction: WriteTransaction) -> list[Enrolment | Reject]:
            outcomes = write_examples(
                transaction, examples, allow_duplicates=allow_duplicates, listing=listing
            )
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

    def move_origin(self, origin: str, to: str, folders: tuple[str, str]) -> None:
        """Note that a bulk source lies elsewhere now, and with it what it lists.

        Args:
            origin, to: what names it, before and now.
            folders: from where its relative paths count, before and now.
        """
        before, now = (folder.rstrip(os.sep) + os.sep for folder in folders)
        with self._write() as transaction:
            examples = list(transaction.iter_examples(origin=origin))
            transaction.relocate_examples(
                {
                    each.id: (
                        now + each.source.removeprefix(before)
                        if each.source.startswith(before)
                        else each.source,
                        to,
                    )
                    for each in examples
                }
            )
            stale = [r.source for r in transaction.rejects() if r.source.startswith(before)]
            transaction.clear_rejects(stale)

    def remove_emptied(self, class_ids: Collection[int]) -> None:
        """Remove those of the classes that hold no example; those that are gone are passed over."""
        present = self.catalog.labels(class_ids) if class_ids else {}
        if present:
            with self._write() as transaction:
                for class_id in sorted(transaction.labels(present)):
                    transaction.remove_class_if_empty(class_id)

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
            "index": {
                "engine": self._keeper.engine,
                "because": self._keeper.reason,
                **view.index.describe(),
            },
            "target_fpir": view.target_fpir,
            "calibration": view.calibration.describe(view.target_fpir, view.classes),
            "pinned_thresholds": len(view.pins),
            "siamese_head": self.describe_head(),
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
        """Make the index anew from the catalog's vectors.

        Where FAISS was asked for, a table in the gallery's database for pgvector is removed.
        """
        with self._following:
            self._view = self._keeper.rebuild(self.catalog)

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
            transaction.set_projection(stored_projection(header.projection))
            if header.siamese_head is not None:
                searched = searched_space(transaction.state())
                transaction.put_siamese_head(searched, header.siamese_head)
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


def _start_with(catalog: Catalog, projection: Projection) -> None:
    """Give a gallery that was just made its projection."""
    state = catalog.state()
    if state.projection_id is None and not state.generation:
        with catalog.write() as transaction:
            transaction.set_projection(stored_projection(projection.to_bytes()))

"""A gallery: the enrolled classes, their examples and the index over them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ..backbones import advice_on
from ..catalog import Catalog
from ..errors import DuplicateImageError, SpaceMismatchError
from ..indexes import VectorIndex
from ..projections import Projection, shipped_projection
from ..types import Enrolment, KeepPictures, NewExample, Reject, Space
from .deciding.outlook import outlook_of
from .description import GalleryDescription, IndexDescription, LocalFeaturesDescription
from .following.choosing import AUTO, check_index
from .following.loading import searched_space
from .live import LiveGallery
from .location import GalleryFolder, location_of
from .parts.checking import problems_of
from .parts.classes import Classes
from .parts.counterexamples import Counterexamples, require_not_enrolled
from .parts.examples import Examples
from .parts.exchange import count_added, read_batches, read_header, write_parquet
from .parts.feedback import FeedbackNotes
from .parts.heads import Heads
from .parts.local import Local
from .parts.queries import QueryCounting
from .parts.spaces import Spaces, stored_projection
from .parts.thresholds import Thresholds
from .parts.writing import Listing
from .snapshot import Snapshot


class Gallery:
    """An open gallery; may be shared by the threads of a process. Made by `create` and `open`.

    The only writer of catalog and index. Several processes may open one gallery at a time: writes
    wait for each other, and what another process wrote is seen within `poll_seconds`. While a
    shared gallery's server is away, the snapshot stays as it is, and enrolling waits a while.

    Attributes:
        location: where it lies.
        folder: where this machine keeps its files: that folder, or one in the user's cache.
        catalog: the transactional store, for reading; writes go through the parts below.
        classes: renames, merges, removes classes and pins their thresholds.
        examples: removes and prunes examples.
        counterexamples: keeps pictures that aren't of a class, lists and takes them back.
        thresholds: calibrates, and sets the target.
        spaces: changes the projection, moves to another backbone.
        heads: keeps the Siamese head.
        local: keeps local features.
        feedback: notes what people say about queries.
        queries: counts queries, to tell where they sit.
    """

    def __init__(self, live: LiveGallery) -> None:
        self._live = live
        self.location = live.location
        self.folder = live.folder
        self.catalog = live.catalog
        self.classes = Classes(live)
        self.thresholds = Thresholds(live)
        self.examples = Examples(live, self.thresholds)
        self.counterexamples = Counterexamples(live)
        self.spaces = Spaces(live, self.thresholds)
        self.heads = Heads(live)
        self.local = Local(live)
        self.feedback = FeedbackNotes(live)
        self.queries = QueryCounting(live)

    @classmethod
    def create(
        cls,
        place: str | os.PathLike[str],
        *,
        space: Space,
        keep_pictures: KeepPictures = KeepPictures.BOUNDED,
        poll_seconds: float = 0.25,
        index: str = AUTO,
        local_points: int = 0,
    ) -> Gallery:
        """Make a gallery, or open the one that another process made there meanwhile.

        Args:
            index: what searches: `auto`, `faiss` or `pgvector`.
            local_points: how many points of local features are kept of each picture.

        Raises:
            GalleryError: something else is at that path.
            GalleryVersionError: the database's tables are missing or must be upgraded first.
            StorageError: the folder can't be written.
        """
        location = location_of(place)
        check_index(index, location)
        if isinstance(location, GalleryFolder):
            location.require_free()
        catalog = Catalog.create(location.made().database, space=space, keep_pictures=keep_pictures)
        _start_with(catalog, shipped_projection(space), local_points)
        return cls(LiveGallery(location, catalog, poll_seconds=poll_seconds, index=index))

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
        location = location_of(place)
        check_index(index, location)
        location.require()
        catalog = Catalog.open(location.database, read_only=read_only)
        return cls(LiveGallery(location, catalog, poll_seconds=poll_seconds, index=index))

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
            listing: the source that is enrolled as a whole, if these are part of one; whoever
                enrolls it calls `thresholds.settle` at the end.

        Returns:
            What became of each example, in order: its enrolment, or why it was refused.

        Raises:
            ReadOnlyError, StorageError: nothing of the batch was written.
        """
        return self.examples.enroll(
            examples,
            rejects=rejects,
            allow_duplicates=allow_duplicates,
            listing=listing,
            measure=listing is None,
        )

    def snapshot(self) -> Snapshot:
        """What to decide by, with others' changes no older than the poll interval; internal."""
        return self._live.snapshot()

    @property
    def index(self) -> VectorIndex:
        """What is searched, as it is written to; decisions read a snapshot's. Internal."""
        return self._live.kept.index

    @property
    def read_only(self) -> bool:
        """Whether this gallery refuses writes."""
        return self._live.read_only

    def close(self) -> None:
        """Keep the index in a file if that is worth it, and let go of the database."""
        self.queries.write()
        self._live.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def describe(self) -> GalleryDescription:
        """What the gallery holds and how it decides."""
        snapshot, counts = self.snapshot(), self.catalog.counts()
        state, kept = self.catalog.state(), self._live.kept
        index = snapshot.index.describe()
        return GalleryDescription(
            gallery=str(self.location),
            classes=counts.classes,
            examples=counts.examples,
            pictures=counts.pictures,
            picture_bytes=counts.picture_bytes,
            rejects=len(self.catalog.ask(lambda read: read.rejects())),
            generation=snapshot.generation,
            backbone=state.space.backbone,
            space=state.space.id,
            projection=snapshot.projection.kind,
            searched_space=snapshot.space_id,
            index=IndexDescription(
                engine=kept.engine,
                because=kept.reason,
                kind=index.pop("kind"),
                size=index.pop("size"),
                dimension=index.pop("dimension"),
                parameters=index,
            ),
            target_fpir=snapshot.target_fpir,
            calibration=snapshot.calibration.describe(snapshot.target_fpir, snapshot.classes),
            outlook=outlook_of(snapshot),
            queries=self.queries.drift(),
            pinned_thresholds=len(snapshot.pins),
            siamese_head=self.heads.describe(),
            counterexamples=len(snapshot.counterexamples),
            texts=len(snapshot.texts),
            local_features=LocalFeaturesDescription(
                points=state.local_points,
                examples=len(snapshot.local),
                without=counts.examples - len(snapshot.texts) - len(snapshot.local),
            ),
            keep_pictures=state.keep_pictures,
            created_at=state.created_at,
            read_only=self.read_only,
            advice=advice_on(state.space.backbone),
        )

    def check(self) -> list[str]:
        """Everything that is wrong with the gallery, one sentence each."""
        return list(problems_of(self.catalog, self._live.newest(), self.folder.index_file))

    def rebuild(self) -> None:
        """Make the index anew from the catalog's vectors.

        Where FAISS was asked for, a table in the gallery's database for pgvector is removed.
        """
        self._live.rebuild()

    def backup(self, path: Path, *, tokens: bool = False) -> None:
        """Copy a folder's gallery to a new folder, consistently while others write.

        Args:
            tokens: copy the service's access tokens (their hashes), too.

        Raises:
            GalleryError: something is at that path.
            StorageError: the copy can't be written.
        """
        folder = GalleryFolder(path)
        folder.require_free()
        self.catalog.backup(folder.made().database, tokens=tokens)

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
        location_of(place).require_free()
        gallery = cls.create(
            place,
            space=header.space,
            keep_pictures=header.keep_pictures,
            local_points=header.local_points,
        )
        with gallery._live.write() as transaction:
            transaction.set_target_fpir(header.target_fpir)
            transaction.spaces.set_projection(stored_projection(header.projection))
            if header.siamese_head is not None:
                searched = searched_space(transaction.read.state())
                transaction.learned.put_siamese_head(searched, header.siamese_head)
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
        if len(header.words) and not len(self.snapshot().texts.words):
            self.spaces.set_words(space, header.words)
        for classes, examples, others in read_batches(source):
            added += count_added(
                self.examples.enroll(examples, allow_duplicates=True, measure=False)
            )
            with self._live.write() as transaction:
                searched = searched_space(transaction.read.state())
                for entry in classes:
                    class_id = transaction.classes.ensure(entry.label, entry.attributes)
                    if entry.pinned_threshold is not None and header.pins:
                        transaction.classes.pin_threshold(
                            class_id, entry.pinned_threshold, searched
                        )
                for other in others:
                    class_id = transaction.classes.ensure(other.label)
                    with suppress(DuplicateImageError):  # what is enrolled here stays
                        require_not_enrolled(transaction, other, class_id)
                        transaction.counterexamples.add(other, class_id)
        self.thresholds.settle(changed=added > 0)
        return added


def _start_with(catalog: Catalog, projection: Projection | None, local_points: int) -> None:
    """Give a gallery that was just made its projection and settings."""
    state = catalog.state()
    if state.generation or state.projection_id is not None:
        return
    if projection is None and not local_points:
        return
    with catalog.write() as transaction:
        if local_points:
            transaction.set_local_points(local_points)
        if projection is not None:
            transaction.spaces.set_projection(stored_projection(projection.to_bytes()))

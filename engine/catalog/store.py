"""`Catalog`: the transactional store behind a gallery."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import ClassVar, Self

from sqlalchemy import URL, Connection, insert, select

from engine.catalog import migrate, sqlite
from engine.catalog.database import LOCK_TIMEOUT, Database, parse_location
from engine.catalog.maintenance import back_up, compact, integrity_problems
from engine.catalog.models import GalleryRow, SpaceRow
from engine.catalog.reading import Reader
from engine.catalog.records import (
    Counts,
    GalleryState,
    StatisticsTable,
    VectorBatch,
)
from engine.catalog.service import ServiceStore
from engine.catalog.writing import WriteTransaction, space_values
from engine.errors import GalleryNotFoundError, SpaceMismatchError, StorageError
from engine.types import (
    Change,
    ClassRecord,
    ClassStatistics,
    ExampleRecord,
    IntArray,
    KeepPictures,
    Reject,
    Space,
)

DEFAULT_TARGET_FPIR = 0.05


class Catalog:
    """The truth of a gallery: classes, examples, vectors, pictures and the log of changes.

    Thread safety: any number of threads and processes read; each call sees the last committed
    state and waits for no writer. One thread of one process writes at a time, the others wait.
    Durability: what `write` has committed survives a crash of the process and of the machine; what
    it has not committed leaves no trace.
    Raises: this project's errors only. Besides what each method names, any may raise StorageError
    (disk full, locked too long, connection lost) and GalleryDamagedError.

    Attributes:
        service: what the HTTP service keeps in the same database.
    """

    REVISION: ClassVar[str] = migrate.HEAD
    """The schema revision that this code works with."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.service = ServiceStore(database)
        self._write_lock = RLock()
        self._writing = False
        self._removed = False

    @classmethod
    def create(
        cls,
        location: str | Path,
        *,
        space: Space,
        keep_pictures: KeepPictures,
        lock_timeout: float = LOCK_TIMEOUT,
    ) -> Catalog:
        """Make a database and open it; one that is there already, in `space`, is opened as it is.

        So when several processes create the same gallery, one does and all get it. A file appears
        under its name only when it is whole; its folder must exist. A server's tables must exist;
        `upgrade` makes them.

        Raises:
            SpaceMismatchError: the one that is there is in another space.
            GalleryVersionError: the server's tables are missing or must be upgraded first.
        """
        place = parse_location(location)
        if not isinstance(place, Path):
            _create_on_server(place, space, keep_pictures, lock_timeout)
        elif not place.exists():
            _create_file(place, space, keep_pictures)
        catalog = cls.open(location, lock_timeout=lock_timeout)
        present = catalog.state().space
        if present.id != space.id:
            catalog.close()
            raise SpaceMismatchError(
                f"{catalog.name} is a gallery of {present.backbone} (space {present.id}), but one "
                f"of {space.backbone} (space {space.id}) was to be made; choose another place"
            )
        return catalog

    @classmethod
    def upgrade(cls, location: str | Path) -> str | None:
        """Make a server's tables or upgrade them, or upgrade a file; the schema revision before.

        None where there were no tables, and for a file.

        Raises:
            GalleryNotFoundError: there is no such file.
            GalleryVersionError: the schema is newer than this code.
        """
        place = parse_location(location)
        if isinstance(place, Path):
            cls.open(location).close()
            return None
        with Database(place) as database:
            return migrate.upgrade_server(database)

    @classmethod
    def exists(cls, location: str | Path) -> bool:
        """Whether there is a gallery in the file, or in the server's tables.

        Raises:
            GalleryVersionError: the server's tables are missing or must be upgraded first.
        """
        place = parse_location(location)
        if isinstance(place, Path):
            return place.is_file()
        with Database(place) as database:
            migrate.prepare(database)
            return _holds_gallery(database)

    @classmethod
    def open(
        cls,
        location: str | Path,
        *,
        read_only: bool = False,
        lock_timeout: float = LOCK_TIMEOUT,
    ) -> Catalog:
        """Open a database; a file of an older schema is upgraded, after a backup copy was made.

        Args:
            location: the SQLite file's path, or a database URL.
            read_only: refuse writes. So is a file opened that can't be written.
            lock_timeout: seconds that a write waits for another process's.

        Raises:
            GalleryNotFoundError: there is none.
            GalleryVersionError: its schema is newer than this code, or must be upgraded first.
        """
        place = parse_location(location)
        if isinstance(place, Path) and not place.is_file():
            raise GalleryNotFoundError(
                f"there is no gallery database at {place}; check the path, or enrol into it to "
                "create one"
            )
        database = Database(place, read_only=read_only, timeout=lock_timeout)
        try:
            migrate.prepare(database)
            if database.server is not None and not _holds_gallery(database):
                raise GalleryNotFoundError(
                    f"{database.name} holds no gallery yet; "
                    f"`onelook enroll SOURCE --gallery '{database.name}'` makes one"
                )
        except BaseException:
            database.close()
            raise
        catalog = cls(database)
        catalog._try_erasing()  # a process that was killed may have left removed data in the log
        return catalog

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The file's path, or the database's URL without its password."""
        return self._database.name

    @property
    def read_only(self) -> bool:
        """Whether writes are refused: as asked, or because the files can't be written."""
        return self._database.read_only

    def close(self) -> None:
        """Release the database; further use is refused."""
        if self._removed:
            self._try_erasing()
        self._database.close()

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """Several questions to one consistent state; each method below asks a single one."""
        with self._database.transaction() as connection:
            yield Reader(connection)

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        """One transaction: committed at the end of the block, rolled back on any exception.

        Raises:
            ReadOnlyError: the catalog is read-only.
            RuntimeError: this thread is already within such a block.
        """
        with self._write_lock:
            if self._writing:
                raise RuntimeError(
                    "a write within a write would wait for itself; use the outer one"
                )
            self._writing = True
            try:
                with self._database.transaction(write=True) as connection:
                    transaction = WriteTransaction(connection)
                    yield transaction
                    transaction.finish()
            finally:
                self._writing = False
            self._removed = self._removed or transaction.removed
            if self._removed:
                self._try_erasing()

    def erase_removed(self, *, wait: float = 1.0) -> bool:
        """Make sure that removed pictures and vectors are gone from every file.

        SQLite overwrites them in the database itself, but its write-ahead log may still hold them.
        The log is emptied after a write that removed something; where a reader of an older state
        prevents that, the next write, this or closing does it.

        Args:
            wait: seconds to wait for such readers.

        Returns:
            Whether it was done in that time.
        """
        if self._database.checkpoint(wait=wait):
            self._removed = False
        return not self._removed

    def integrity_problems(self) -> list[str]:
        """Everything that is wrong with the database, one sentence each; empty when all is well.

        Reads all of it, except that whether pictures can be decoded is left to the caller.
        """
        return integrity_problems(self._database)

    def backup(self, destination: Path) -> None:
        """Write a consistent copy of the database to a new file while others write it.

        Raises:
            StorageError: something is there already, or the copy can't be written.
        """
        back_up(self._database, destination)

    def compact(self) -> None:
        """Give unused space back to the disk, and make sure that removed data is gone.

        Raises:
            ReadOnlyError: the catalog is read-only.
        """
        with self._write_lock:
            compact(self._database)
        self.erase_removed()

    def generation(self) -> int:
        """The generation alone, cheaply: meant to be asked before every recognition."""
        return int(self._database.scalar("SELECT generation FROM gallery"))

    def state(self) -> GalleryState:
        with self.read() as reader:
            return reader.state()

    def counts(self) -> Counts:
        with self.read() as reader:
            return reader.counts()

    def projection(self, projection_id: str) -> bytes:
        with self.read() as reader:
            return reader.projection(projection_id)

    def classes(
        self, *, search: str | None = None, after: str | None = None, limit: int | None = None
    ) -> list[ClassRecord]:
        with self.read() as reader:
            return reader.classes(search=search, after=after, limit=limit)

    def class_by_id(self, class_id: int) -> ClassRecord:
        with self.read() as reader:
            return reader.class_by_id(class_id)

    def class_by_label(self, label: str) -> ClassRecord:
        with self.read() as reader:
            return reader.class_by_label(label)

    def class_id(self, label: str) -> int:
        with self.read() as reader:
            return reader.class_id(label)

    def labels(self, class_ids: Iterable[int] | None = None) -> dict[int, str]:
        with self.read() as reader:
            return reader.labels(class_ids)

    def examples(
        self, class_id: int | None = None, ids: Iterable[int] | None = None
    ) -> list[ExampleRecord]:
        with self.read() as reader:
            return reader.examples(class_id, ids)

    def iter_examples(
        self, *, origin: str | None = None, after_id: int = 0
    ) -> Iterator[ExampleRecord]:
        with self.read() as reader:
            yield from reader.iter_examples(origin=origin, after_id=after_id)

    def example_classes(self) -> tuple[IntArray, IntArray]:
        with self.read() as reader:
            return reader.example_classes()

    def iter_vectors(
        self, space_id: str, *, after_id: int = 0, batch: int = 4096
    ) -> Iterator[VectorBatch]:
        with self.read() as reader:
            yield from reader.iter_vectors(space_id, after_id=after_id, batch=batch)

    def vectors(self, space_id: str, ids: Iterable[int]) -> VectorBatch:
        with self.read() as reader:
            return reader.vectors(space_id, ids)

    def picture(self, example_id: int) -> bytes | None:
        with self.read() as reader:
            return reader.picture(example_id)

    def find_content(self, content_hash: str) -> list[ExampleRecord]:
        with self.read() as reader:
            return reader.find_content(content_hash)

    def find_contents(self, content_hashes: Iterable[str]) -> list[ExampleRecord]:
        with self.read() as reader:
            return reader.find_contents(content_hashes)

    def find_sources(self, sources: Iterable[str]) -> list[ExampleRecord]:
        with self.read() as reader:
            return reader.find_sources(sources)

    def known_sources(
        self, sources: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], list[tuple[int, str]]]:
        with self.read() as reader:
            return reader.known_sources(sources)

    def changes_since(self, generation: int) -> list[Change] | None:
        with self.read() as reader:
            return reader.changes_since(generation)

    def class_statistics(self, searched_space: str) -> dict[int, ClassStatistics]:
        with self.read() as reader:
            return reader.class_statistics(searched_space)

    def statistics_table(self, searched_space: str) -> StatisticsTable:
        with self.read() as reader:
            return reader.statistics_table(searched_space)

    def calibration(self, searched_space: str) -> bytes | None:
        with self.read() as reader:
            return reader.calibration(searched_space)

    def pins(
        self, class_ids: Iterable[int] | None = None, *, searched_space: str | None = None
    ) -> dict[int, float]:
        with self.read() as reader:
            return reader.pins(class_ids, searched_space=searched_space)

    def rejects(self) -> list[Reject]:
        with self.read() as reader:
            return reader.rejects()

    def _try_erasing(self) -> None:
        # What was committed stays committed, even where the disk is too full to tidy up after it.
        with suppress(StorageError):
            self.erase_removed(wait=0.0)


def _create_file(path: Path, space: Space, keep_pictures: KeepPictures) -> None:
    """Build the database aside, then give it its name unless another process was faster."""
    if not path.parent.is_dir():
        raise GalleryNotFoundError(f"there is no folder {path.parent} to make a gallery in")
    partial = sqlite.partial_path(path)
    try:
        with sqlite.errors_of(str(path)):
            sqlite.connect(partial, mode="rwc", timeout=0.0).close()
        with Database(partial) as database:
            _fill(database, space, keep_pictures)
            database.checkpoint()
        sqlite.publish(partial, path, overwrite=False)
    finally:
        sqlite.remove(partial)


def _create_on_server(
    url: URL, space: Space, keep_pictures: KeepPictures, lock_timeout: float
) -> None:
    with Database(url, timeout=lock_timeout) as database:
        migrate.prepare(database)
        if _holds_gallery(database):
            return
        with database.transaction(write=True) as connection:
            if connection.execute(select(GalleryRow.id)).first() is None:
                _insert_gallery(connection, space, keep_pictures)


def _holds_gallery(database: Database) -> bool:
    with database.transaction() as connection:
        return connection.execute(select(GalleryRow.id)).first() is not None


def _fill(database: Database, space: Space, keep_pictures: KeepPictures) -> None:
    with database.transaction(write=True) as connection:
        migrate.upgrade(connection)
        _insert_gallery(connection, space, keep_pictures)


def _insert_gallery(connection: Connection, space: Space, keep_pictures: KeepPictures) -> None:
    now = datetime.now(UTC)
    connection.execute(insert(SpaceRow).values(**space_values(space, now)))
    connection.execute(
        insert(GalleryRow).values(
            id=1,
            uuid=str(uuid.uuid4()),
            created_at=now,
            generation=0,
            trimmed_generation=0,
            space_id=space.id,
            projection_id=None,
            keep_pictures=keep_pictures.value,
            target_fpir=DEFAULT_TARGET_FPIR,
        )
    )

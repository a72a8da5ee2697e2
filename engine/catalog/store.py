"""`Catalog`: the transactional store behind a gallery."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from ..errors import (
    GalleryDamagedError,
    GalleryNotFoundError,
    SpaceMismatchError,
    StorageError,
)
from ..forking import in_forked_child
from ..types import KeepPictures, Space
from . import migrate, sqlite
from .database import LOCK_TIMEOUT, Database, parse_location
from .records import Commit, Counts, GalleryState
from .whole import WholeReading

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .reading import CatalogReader
    from .service import ServiceStore
    from .writing import WriteTransaction

T = TypeVar("T")


class Catalog:
    """The truth of a gallery: classes, examples, vectors, pictures and the log of changes.

    Thread safety: any number of threads and processes read; each call sees the last committed
    state and waits for no writer. One thread of one process writes at a time, the others wait.
    Durability: what `write` has committed survives a crash of the process and of the machine; what
    it has not committed leaves no trace.
    Raises: this project's errors only. Besides what each method names, any may raise StorageError
    (disk full, locked too long, connection lost) and GalleryDamagedError.

    What stands on SQLAlchemy is imported when it is first asked for: opening a file, its `whole`
    tables, its `state` and `commit` do without.
    """

    REVISION: ClassVar[str] = migrate.HEAD
    """The schema revision that this code works with."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._write_lock = RLock()
        self._writing = False
        self._removed = False
        in_forked_child(self._renew)

    def _renew(self) -> None:
        """Whatever another thread was writing, it isn't written by this process."""
        self._write_lock, self._writing = RLock(), False

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
        from .creating import create_file, create_on_server

        place = parse_location(location)
        if not isinstance(place, Path):
            create_on_server(place, space, keep_pictures, lock_timeout)
        elif not place.exists():
            create_file(place, space, keep_pictures)
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
            return migrate.holds_gallery(database)

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
            if database.server is not None and not migrate.holds_gallery(database):
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

    @property
    def file_mode(self) -> int:
        """Who may read and write the database's file; what is kept beside it is no more open.

        For a server's: this user alone.
        """
        path = self._database.path
        return sqlite.PRIVATE if path is None else path.stat().st_mode & 0o666

    def close(self) -> None:
        """Release the database; further use is refused."""
        if self._removed:
            self._try_erasing()
        self._database.close()

    @cached_property
    def service(self) -> ServiceStore:
        """What the HTTP service keeps in the same database."""
        from .service import ServiceStore

        return ServiceStore(self._database)

    @contextmanager
    def whole(self) -> Iterator[WholeReading]:
        """Several questions to whole tables, of one consistent state."""
        with self._database.reading() as session:
            yield WholeReading(session)

    @contextmanager
    def read(self) -> Iterator[CatalogReader]:
        """Several questions to one consistent state."""
        from .reading import CatalogReader
        from .session import Session

        with self._database.transaction() as connection:
            yield CatalogReader(Session(connection))

    def ask(self, question: Callable[[CatalogReader], T]) -> T:
        """The answer to a single question, such as `lambda read: read.classes.id_of("cup")`."""
        with self.read() as reader:
            return question(reader)

    def stream(self, question: Callable[[CatalogReader], Iterator[T]]) -> Iterator[T]:
        """`ask` for answers that are fetched as they are asked for, of one consistent state."""
        with self.read() as reader:
            yield from question(reader)

    def state(self) -> GalleryState:
        """The gallery's settings."""
        with self.whole() as whole:
            return whole.state()

    def counts(self) -> Counts:
        """How many classes, examples and pictures there are."""
        return self.ask(lambda read: read.counts())

    def picture(self, example_id: int) -> bytes | None:
        """The kept copy of an example's picture, encoded, if one was kept."""
        return self.ask(lambda read: read.examples.picture(example_id))

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        """One transaction: committed at the end of the block, rolled back on any exception.

        Raises:
            ReadOnlyError: the catalog is read-only.
            RuntimeError: this thread is already within such a block.
        """
        from .session import Session
        from .writing import WriteTransaction

        with self._write_lock:
            if self._writing:
                raise RuntimeError(
                    "a write within a write would wait for itself; use the outer one"
                )
            self._writing = True
            try:
                with self._database.transaction(write=True) as connection:
                    transaction = WriteTransaction(Session(connection))
                    yield transaction
                    transaction.commit.finish()
            finally:
                self._writing = False
            self._removed = self._removed or transaction.commit.removed
            if self._removed:
                self._try_erasing()

    def index_transaction(self, *, write: bool = False) -> AbstractContextManager[Connection]:
        """A transaction for an index kept in the same database; see `Database`."""
        return self._database.index_transaction(write=write)

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
        from .maintenance import integrity_problems

        return integrity_problems(self._database)

    def backup(self, destination: Path, *, tokens: bool = False) -> None:
        """Write a consistent copy of the database to a new file while others write it.

        Args:
            tokens: copy the service's access tokens (their hashes), too; without them a service on
                the copy lets in only whoever gets a new one.

        Raises:
            StorageError: something is there already, or the copy can't be written.
        """
        from .maintenance import back_up

        back_up(self._database, destination, tokens=tokens)

    def compact(self) -> None:
        """Give unused space back to the disk, and make sure that removed data is gone.

        Raises:
            ReadOnlyError: the catalog is read-only.
        """
        from .maintenance import compact

        with self._write_lock:
            compact(self._database)
        self.erase_removed()

    def generation(self) -> int:
        """The newest commit's generation."""
        return self.commit().generation

    def commit(self) -> Commit:
        """The newest commit, cheaply: meant to be asked before every recognition."""
        row = self._database.row("SELECT generation, commit_id FROM gallery")
        if row is None:
            raise GalleryDamagedError(
                f"{self.name}: the gallery's settings are missing from its database; restore it "
                "from a backup"
            )
        return Commit(int(row[0]), str(row[1]))

    def _try_erasing(self) -> None:
        # What was committed stays committed, even where the disk is too full to tidy up after it.
        with suppress(StorageError):
            self.erase_removed(wait=0.0)

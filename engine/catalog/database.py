"""The one place that opens a database, begins, commits and rolls back, and translates errors.

Thread safety: a `Database` may be used from many threads; each transaction has its own connection.
Durability: a committed transaction survives a crash of the process and of the machine.
Everything here raises this project's errors only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

from ..errors import GalleryError, GalleryNotFoundError, ReadOnlyError, StorageError
from ..forking import abandon, before_fork, in_forked_child
from . import sqlite
from .failures import SQLITE_ERRORS, of_sqlite
from .plain import FileReads
from .whole import PlainSession

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

    from .server import Server

LOCK_TIMEOUT = 60.0
"""Seconds to wait for another process's write lock."""

INDEX_TIMEOUT = 24 * 3600.0
"""Seconds to wait for another process that makes an index in the database."""


def parse_location(location: str | Path) -> Path | URL:
    """Return the SQLite file, or else the database URL, that `location` names.

    Raises:
        GalleryNotFoundError: it looks like a URL, but is none.
    """
    if isinstance(location, Path) or "://" not in location:
        return Path(location)
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    from .server import masked, server_url

    try:
        url = make_url(location)
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise GalleryNotFoundError(
            f"{masked(location)!r} is no usable database URL; give a folder, or a URL such as "
            "postgresql+psycopg://user@host/database?schema=name"
        ) from None
    if url.get_backend_name() == "sqlite":
        return Path(url.database or "")
    return server_url(url)


def shown_location(location: str | Path) -> str:
    """A file's path, or a database's URL without its passwords."""
    if not isinstance(location, str):
        return str(location)
    from .server import masked

    return masked(location)


class Database:
    """A SQLite file, or a PostgreSQL server's database, holding one catalog.

    SQLAlchemy is imported for the first transaction, or for a server: `reading` a file and its
    `row`s do without.

    Attributes:
        path: the file; None for a server.
        server: the server; None for a file.
        name: what people call it; shows no password.
    """

    def __init__(
        self, location: Path | URL, *, read_only: bool = False, timeout: float = LOCK_TIMEOUT
    ) -> None:
        self.path = location if isinstance(location, Path) else None
        self.read_only = read_only or (self.path is not None and not sqlite.writable(self.path))
        self._mode = "ro" if self.read_only else "rw"
        self.timeout = timeout
        self._closed = False
        self._making = Lock()
        self._made: Engine | None = None
        self._reads: FileReads | None = None
        self.server: Server | None = None
        if isinstance(location, Path):
            self.name = str(location)
            self._reads = FileReads(location, mode=self._mode, timeout=timeout)
        else:
            from .server import Server

            self.server = Server(location)
            self.name, self._made = self.server.name, self.server.engine
        before_fork(self._release)
        in_forked_child(self._renew)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @contextmanager
    def transaction(
        self, *, write: bool = False, foreign_keys: bool = True
    ) -> Iterator[Connection]:
        """One transaction: a consistent view, or with `write` the only writer until it ends.

        Commits at the end of the block, rolls back on any exception. Without `foreign_keys` a file
        enforces none meanwhile: a migration that makes a table anew must not cascade.

        Raises:
            ReadOnlyError: `write`, but the database is open, or stored, read-only.
            StorageError: disk full, locked for longer than the timeout.
            UnavailableError: the server was lost or refused for now; nothing was committed.
            GalleryDamagedError: the database is damaged.
        """
        if write and self.read_only:
            raise ReadOnlyError(
                f"{self.name} is read-only; open it for writing, or check who may write its files"
            )
        with self.errors(), self._engine.connect() as connection:
            if self.server is not None:
                with self.server.transaction(connection, write=write, timeout=self.timeout):
                    yield connection
                return
            from .engines import FOREIGN_KEYS, WRITE

            connection.execution_options(**{WRITE: write, FOREIGN_KEYS: foreign_keys})
            try:
                with connection.begin():
                    yield connection
                    if write:
                        self._require_place(connection)
            finally:
                if not foreign_keys:
                    connection.invalidate()  # the next user of the pool gets a fresh one

    @contextmanager
    def index_transaction(self, *, write: bool = False) -> Iterator[Connection]:
        """One transaction for an index that a server keeps beside its catalog.

        Its writers wait for each other, and neither for the catalog's nor these for them. Raises
        as `transaction` does.
        """
        from .server import INDEX_LOCK

        assert self.server is not None, "files hold no index"
        if write and self.read_only:
            raise ReadOnlyError(f"{self.name} is open read-only, so its index isn't brought up")
        with (
            self.errors(),
            self._engine.connect() as connection,
            self.server.transaction(
                connection, write=write, lock=INDEX_LOCK, timeout=INDEX_TIMEOUT
            ),
        ):
            yield connection

    @contextmanager
    def reading(self) -> Iterator[PlainSession]:
        """One consistent view, for statements in plain SQL. Raises as `transaction` does."""
        if self._reads is not None:
            with self._file_errors(), self._reads.session() as session:
                yield session
            return
        from .session import Session

        with self.transaction() as connection:
            yield Session(connection)

    def row(self, statement: str) -> Sequence[Any] | None:
        """The first row that a bare, constant SQL statement yields, with the least overhead."""
        if self._reads is not None:
            with self._file_errors(), self._reads.connection() as connection:
                row: Sequence[Any] | None = connection.execute(statement).fetchone()
                return row
        from sqlalchemy import text

        with self.errors(), self._engine.connect() as bare:
            bare.execution_options(isolation_level="AUTOCOMMIT")
            return bare.execute(text(statement)).first()

    @contextmanager
    def _file_errors(self) -> Iterator[None]:
        """Translate what a bare connection raises in the block."""
        self._require_open()
        try:
            yield
        except SQLITE_ERRORS as error:
            raise of_sqlite(error, self.name) from error

    def _require_open(self) -> None:
        if self._closed:
            raise GalleryError(f"{self.name} was closed; open it again to go on")

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Translate what the driver or SQLAlchemy raises in the block."""
        from .driver_failures import DRIVER_ERRORS, translate

        self._require_open()
        try:
            yield
        except DRIVER_ERRORS as error:
            raise translate(error, self.name) from error
        except OverflowError as error:
            if "SQLite" not in str(error):
                raise
            raise GalleryError(f"{self.name}: a number is too large to be stored") from error

    def _require_place(self, connection: Connection) -> None:
        """Refuse to commit into a file that is no longer the one at its path.

        Raises:
            StorageError: it was moved, deleted or replaced since the transaction began.
        """
        assert self.path is not None
        file = connection.connection.driver_connection
        if isinstance(file, sqlite.FileConnection) and sqlite.replaced(self.path, file):
            raise StorageError(
                f"{self.name}: was moved, deleted or replaced while it was written; nothing was "
                "written. Try again: what lies at the path now is opened anew"
            )

    def checkpoint(self, *, wait: float = 0.0) -> bool:
        """Merge the write-ahead log into the file and empty it, so that removed data is gone.

        Returns whether it was emptied within `wait` seconds; a reader of an old state prevents it.
        """
        if self.path is None or self.read_only:
            return True
        end = time.monotonic() + wait
        with self.bare() as connection:
            # Unlike other statements, it waits for readers too: briefly, then others get a turn.
            connection.execute("PRAGMA busy_timeout = 20")
            while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() >= end:
                    return False
                time.sleep(0.01)
        return True

    @contextmanager
    def bare(self) -> Iterator[sqlite.FileConnection]:
        """A connection of its own to the file, outside any transaction."""
        assert self.path is not None, "only files have bare connections"
        with (
            self._file_errors(),
            closing(sqlite.connect(self.path, mode=self._mode, timeout=self.timeout)) as connection,
        ):
            if not self.read_only:
                sqlite.use_log(connection)  # where another program has put it out of use
            yield connection

    def _release(self) -> None:
        """Close the connections that nobody uses; the next use opens another."""
        if self._made is not None:
            self._made.dispose()

    def _renew(self) -> None:
        """Leave what another thread of the parent was using to the parent, and open."""
        self._making = Lock()
        if self._made is not None:
            abandon(self._made.pool)
            self._made.dispose(close=False)

    def close(self) -> None:
        """Release every connection; further use is refused."""
        if not self._closed:
            self._closed = True
            if self._reads is not None:
                self._reads.close()
            self._release()

    @property
    def _engine(self) -> Engine:
        """SQLAlchemy's, made when it is first asked for."""
        with self._making:
            if self._made is None:
                from .engines import file_engine

                assert self.path is not None, "a server has its own"
                self._made = file_engine(self.path, mode=self._mode, timeout=self.timeout)
            return self._made

"""SQLite files: how they are opened, and what makes them durable, private and shareable.

Every process opens the file itself. Writers exclude each other by SQLite's own lock, readers see
the last committed state and wait for nobody (write-ahead log).
"""

from __future__ import annotations

import errno
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ..durability import sync_folder
from ..errors import ReadOnlyError, StorageError
from .failures import SQLITE_ERRORS, of_sqlite

Error = sqlite3.Error
Stamp = tuple[int, int, bool]
Identity = tuple[int, int]


PRIVATE = 0o600
"""The mode of files that hold pictures and vectors: the user's own."""


class FileConnection(sqlite3.Connection):
    """A connection that remembers the file it was opened on.

    Attributes:
        identity: the file's device and inode.
        seen: the file's time and size when the connection was last taken up.
        stamp: the file's state, where it had to be opened as immutable.
    """

    identity: Identity
    seen: tuple[int, int] | None = None
    stamp: Stamp | None = None


def writable(path: Path) -> bool:
    """Whether this process may write the database `path` and make files beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def connect(path: Path, *, mode: str, timeout: float) -> FileConnection:
    """Open the database `path`; `mode` is `ro`, `rw` or `rwc` (make it), `timeout` in seconds.

    Transactions are begun and ended explicitly. Texts are lowered as Python lowers them. A file
    that is made is the user's own, and so are those that SQLite keeps beside it.
    """
    if mode == "rwc":
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE))
    before = identity(path)
    connection = (
        _connect_read_only(path, timeout)
        if mode == "ro"
        else _connect(path, f"mode={mode}", timeout)
    )
    try:
        connection.identity = before
        if identity(path) != before:
            raise StorageError(f"{path}: was replaced while it was opened; try again")
        connection.create_function("lower", 1, _lower, deterministic=True)
        connection.execute("PRAGMA foreign_keys = ON")
        if mode == "rwc":
            use_log(connection)
        if mode != "ro":
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def use_log(connection: FileConnection) -> None:
    """Let the file be read while it is written; the file itself remembers it."""
    connection.execute("PRAGMA journal_mode = WAL")


def identity(path: Path) -> Identity:
    """The file's device and inode: another file at the same path has others.

    Raises:
        StorageError: there is no file any more.
    """
    status = _status(path)
    return status.st_dev, status.st_ino


def replaced(path: Path, connection: FileConnection) -> bool:
    """Whether another file lies at the path than the one that the connection was opened on.

    Raises:
        StorageError: there is no file any more.
    """
    return connection.identity != identity(path)


def outdated(path: Path, connection: FileConnection) -> bool:
    """Whether a connection may no longer see what the file at that path holds.

    A file that was written over in place is told by its time and size alone, as is one into which
    the log was merged; a connection keeps pages of before, so it isn't taken up again.

    Raises:
        StorageError: there is no file any more.
    """
    if replaced(path, connection):
        return True
    if connection.stamp is not None:
        return connection.stamp != _stamp(path)
    before, connection.seen = connection.seen, _stamp(path)[:2]
    return before is not None and before != connection.seen


def copy(
    path: Path,
    destination: Path,
    *,
    mode: str,
    timeout: float,
    overwrite: bool,
    finish: Callable[[FileConnection], None] = lambda _copy: None,
) -> None:
    """Write a consistent copy of the database `path` to `destination` while others write it.

    The copy appears under its name only when it is whole and on the disk.

    Args:
        finish: what is done to the copy before it gets its name.

    Raises:
        StorageError: the copy could not be written.
    """
    partial = partial_path(destination)
    try:
        with (
            errors_of(f"copying {path} to {destination}"),
            closing(connect(path, mode=mode, timeout=timeout)) as source,
            closing(connect(partial, mode="rwc", timeout=timeout)) as target,
        ):
            source.backup(target)
            finish(target)
        publish(partial, destination, overwrite=overwrite)
    finally:
        remove(partial)


def publish(partial: Path, destination: Path, *, overwrite: bool) -> None:
    """Give the finished, closed database `partial` its name, durably.

    Without `overwrite` a database that got that name meanwhile stays.
    """
    with errors_of(str(destination)):
        _sync(partial)
        if overwrite:
            partial.replace(destination)
        else:
            _link(partial, destination)
        sync_folder(destination.parent)


def partial_path(path: Path) -> Path:
    """A name beside `path` that is nobody else's, for a database in the making."""
    return path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")


def remove(path: Path) -> None:
    """Delete the database `path` and the files that SQLite keeps beside it, if there are any."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def errors_of(where: str) -> Iterator[None]:
    """Translate a bare connection's errors, and the file system's, into this project's."""
    try:
        yield
    except SQLITE_ERRORS as error:
        raise of_sqlite(error, where) from error
    except OSError as error:
        raise StorageError(
            f"{where}: {error.strerror}; check its folder's permissions and the space on the disk"
        ) from error


def _connect(path: Path, query: str, timeout: float) -> FileConnection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
        factory=FileConnection,
    )


def _connect_read_only(path: Path, timeout: float) -> FileConnection:
    """Open for reading only, also where no file can be made beside the database.

    A reader of a write-ahead log shares the `-shm` file with writers. Where neither that file is
    there nor can be made, nobody is writing, and the file is read as immutable; `outdated` tells
    when that is over.
    """
    connection = _connect(path, "mode=ro", timeout)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
    else:
        return connection
    stamp = _stamp(path)
    if stamp[2]:
        raise ReadOnlyError(
            f"{path}: changes that were not yet merged into the database lie beside it, and "
            "reading them takes a writable folder; open the gallery once where it can be written"
        )
    connection = _connect(path, "mode=ro&immutable=1", timeout)
    connection.stamp = stamp
    return connection


def _link(partial: Path, destination: Path) -> None:
    try:
        os.link(partial, destination)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
        if not destination.exists():  # this file system knows no second name for a file
            partial.rename(destination)


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise StorageError(
            f"{path}: the gallery's database is gone ({error.strerror}); it was moved or deleted. "
            "Put it back, or open the gallery where it is now"
        ) from None


def _stamp(path: Path) -> Stamp:
    status = _status(path)
    try:
        log = path.with_name(path.name + "-wal").stat().st_size > 0
    except FileNotFoundError:
        log = False
    return status.st_mtime_ns, status.st_size, log


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)  # Windows syncs no file that is open for reading only
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

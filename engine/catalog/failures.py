"""Turns what a database driver or SQLAlchemy raises into this project's errors."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ..errors import (
    GalleryDamagedError,
    GalleryError,
    ReadOnlyError,
    StorageError,
    UnavailableError,
)

DAMAGED = "restore it from a backup, or make it anew from an export or the pictures"

# By SQLite's primary result code: https://sqlite.org/rescode.html
_SQLITE: dict[int, tuple[type[GalleryError], str]] = {
    sqlite3.SQLITE_FULL: (StorageError, "the disk is full; free some space and try again"),
    sqlite3.SQLITE_IOERR: (
        StorageError,
        "reading or writing its files failed; check the disk, its space and quotas, and try again",
    ),
    sqlite3.SQLITE_BUSY: (
        StorageError,
        "another process held its lock for too long; wait until that one is done, and try again",
    ),
    sqlite3.SQLITE_LOCKED: (
        StorageError,
        "it is locked by another operation of this process; end that one, and try again",
    ),
    sqlite3.SQLITE_PROTOCOL: (StorageError, "its file locks don't work; move it to a local disk"),
    sqlite3.SQLITE_CANTOPEN: (
        StorageError,
        "its files can't be opened; check that its folder exists and may be read and written",
    ),
    sqlite3.SQLITE_PERM: (StorageError, "access is denied; check the permissions of its files"),
    sqlite3.SQLITE_NOMEM: (StorageError, "memory ran out; close other programs and try again"),
    sqlite3.SQLITE_TOOBIG: (StorageError, "a value is too large to be stored; shrink the picture"),
    sqlite3.SQLITE_READONLY: (
        ReadOnlyError,
        "it can't be written; check the permissions of its files and folder",
    ),
    sqlite3.SQLITE_CONSTRAINT: (
        StorageError,
        "it conflicts with what is there, as when another process was faster; nothing was written. "
        "Look at what is there, and try again",
    ),
    sqlite3.SQLITE_CORRUPT: (GalleryDamagedError, f"its database is damaged; {DAMAGED}"),
    sqlite3.SQLITE_NOTADB: (GalleryDamagedError, f"its file is no SQLite database; {DAMAGED}"),
    sqlite3.SQLITE_FORMAT: (GalleryDamagedError, f"its database is damaged; {DAMAGED}"),
}

# By SQLSTATE or its class: https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES: dict[str, tuple[type[GalleryError], str]] = {
    "22": (GalleryError, "a value can't be stored; it is too large, or of the wrong kind"),
    "23": (
        StorageError,
        "it conflicts with what is there, as when another process was faster; nothing was written. "
        "Look at what is there, and try again",
    ),
    "25006": (ReadOnlyError, "it can't be written, as on a standby; connect to the primary"),
    "28": (StorageError, "the server refuses this user; check the user and the password"),
    "3D": (StorageError, "the server has no such database; check the URL, or make it"),
    "40": (UnavailableError, "another transaction was in the way; try again"),
    "42501": (
        ReadOnlyError,
        "this user may not do that; grant it the rights, or connect as another",
    ),
    "42P01": (UnavailableError, "a table isn't there, as while an index is made anew; try again"),
    "53": (StorageError, "the server is out of disk space, memory or connections"),
    "53300": (UnavailableError, "the server has no connection left; try again"),
    "55P03": (
        StorageError,
        "another process held its lock for too long; wait until that one is done, and try again",
    ),
    "08": (UnavailableError, "its server can't be reached or was lost; try again"),
    "25P03": (UnavailableError, "a change took too long and was undone; try again"),
    "57": (UnavailableError, "its server can't be reached or was lost; try again"),
    "57014": (StorageError, "the server cancelled an operation; raise its statement_timeout"),
    "58": (StorageError, "the server failed to read or write its files; check its disk"),
    "XX": (GalleryDamagedError, f"its database is damaged; {DAMAGED}"),
}

DRIVER_ERRORS = (SQLAlchemyError, sqlite3.Error, UnicodeDecodeError)
"""What `translate` takes: everything that SQLAlchemy or a bare SQLite connection raises.

The last where SQLite's own message quotes damaged text.
"""


def translate(error: Exception, where: str) -> GalleryError:
    """Return this project's error for `error`, met while using the database `where`."""
    if isinstance(error, PoolTimeoutError):
        return StorageError(
            f"{where}: all database connections stayed in use for too long; use fewer threads"
        )
    if isinstance(error, UnicodeDecodeError):
        return GalleryDamagedError(f"{where}: its database holds damaged text; {DAMAGED}")
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, sqlite3.Error):
        return _of_server(cause, where)
    code = getattr(cause, "sqlite_errorcode", None) or 0
    kind, advice = _SQLITE.get(
        code & 0xFF,
        (GalleryDamagedError, f"its database refused an operation; run a check, or {DAMAGED}"),
    )
    return kind(f"{where}: {advice} ({cause})")


def _of_server(cause: BaseException | None, where: str) -> GalleryError:
    """This project's error for one of PostgreSQL's; without a code the connection was lost."""
    code = getattr(cause, "sqlstate", None) or "08"
    kind, advice = _POSTGRES.get(code) or _POSTGRES.get(
        code[:2],
        (GalleryDamagedError, f"its database refused an operation; run a check, or {DAMAGED}"),
    )
    said = getattr(getattr(cause, "diag", None), "message_primary", None) or str(cause)
    return kind(f"{where}: {advice} ({' '.join(said.split())})")

"""Turns what SQLite raises into this project's errors."""

from __future__ import annotations

import sqlite3

from ..errors import GalleryDamagedError, GalleryError, ReadOnlyError, StorageError

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

SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What a bare SQLite connection raises; the last where its own message quotes damaged text."""


def of_sqlite(error: sqlite3.Error | UnicodeDecodeError, where: str) -> GalleryError:
    """This project's error for one of SQLite's, met while using the database `where`."""
    if isinstance(error, UnicodeDecodeError):
        return GalleryDamagedError(f"{where}: its database holds damaged text; {DAMAGED}")
    code = getattr(error, "sqlite_errorcode", None) or 0
    kind, advice = _SQLITE.get(
        code & 0xFF,
        (GalleryDamagedError, f"its database refused an operation; run a check, or {DAMAGED}"),
    )
    return kind(f"{where}: {advice} ({error})")

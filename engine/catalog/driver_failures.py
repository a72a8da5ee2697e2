"""Turns what SQLAlchemy and the drivers below it raise into this project's errors."""

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
from .failures import DAMAGED, SQLITE_ERRORS, of_sqlite

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

DRIVER_ERRORS = (SQLAlchemyError, *SQLITE_ERRORS)
"""What `translate` takes: everything that SQLAlchemy or a bare SQLite connection raises."""


def translate(error: Exception, where: str) -> GalleryError:
    """Return this project's error for `error`, met while using the database `where`."""
    if isinstance(error, PoolTimeoutError):
        return StorageError(
            f"{where}: all database connections stayed in use for too long; use fewer threads"
        )
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error | UnicodeDecodeError):
        return of_sqlite(cause, where)
    return _of_server(cause, where)


def _of_server(cause: BaseException | None, where: str) -> GalleryError:
    """This project's error for one of PostgreSQL's; without a code the connection was lost."""
    code = getattr(cause, "sqlstate", None) or "08"
    kind, advice = _POSTGRES.get(code) or _POSTGRES.get(
        code[:2],
        (GalleryDamagedError, f"its database refused an operation; run a check, or {DAMAGED}"),
    )
    said = getattr(getattr(cause, "diag", None), "message_primary", None) or str(cause)
    return kind(f"{where}: {advice} ({' '.join(said.split())})")

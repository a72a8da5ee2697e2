"""Brings a database to the schema that this code knows, through Alembic.

A SQLite file is upgraded when it is opened, in one transaction under SQLite's own write lock (so
that one of several processes does it and the others wait), after a backup copy was made beside
it. A shared database is never upgraded on open.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ..errors import GalleryDamagedError, GalleryVersionError
from . import sqlite
from .database import Database
from .failures import DAMAGED
from .whole import PlainSession

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
"""Every schema revision that this code can upgrade from, oldest first; a test compares them with
the scripts. Known here so that opening a current gallery does without Alembic."""

HEAD = REVISIONS[-1]

_VERSIONS = "alembic_version"
_alembic = Lock()  # Alembic's `op` and `context` are process-wide


def prepare(database: Database) -> None:
    """Make sure that the database has the current schema; upgrade it if it is a file.

    Raises:
        GalleryVersionError: its schema is newer than this code, or older and may not be upgraded.
        GalleryDamagedError: it holds no gallery.
        ReadOnlyError, StorageError: the upgrade could not be written.
    """
    with database.reading() as session:
        if database.server and not database.server.has_table(session, _VERSIONS):
            raise GalleryVersionError(
                f"{database.name} has no tables for a gallery yet; a shared database is set up by "
                f"an explicit `onelook upgrade '{database.name}'` only"
            )
        revision = current_revision(session, database.name)
    if revision == HEAD:
        return
    if database.path is None:
        raise GalleryVersionError(
            f"{database.name} has schema revision {revision}, this version of Onelook needs "
            f"{HEAD}; a shared database is upgraded by an explicit `onelook upgrade "
            f"'{database.name}'` only, when every process that uses it can be updated"
        )
    if database.read_only:
        raise GalleryVersionError(
            f"{database.name} has schema revision {revision} and must be upgraded to {HEAD}, but "
            "is read-only; open it once where it can be written"
        )
    _upgrade_file(database, database.path)


def holds_gallery(database: Database) -> bool:
    """Whether there is a gallery in the tables, which are of the current schema."""
    return database.row("SELECT id FROM gallery") is not None


def current_revision(session: PlainSession, name: str) -> str:
    """The database's schema revision, one of `REVISIONS`; `name` is the database's, for errors.

    A server's has the table that tells it; whoever asks has looked.

    Raises:
        GalleryDamagedError: it holds no gallery.
        GalleryVersionError: the revision is not known here.
    """
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = :name"
    found = session.on_server or bool(list(session.rows(tables, name=_VERSIONS)))
    rows = session.rows("SELECT version_num FROM alembic_version") if found else ()
    revisions = [str(row[0]) for row in rows]
    if len(revisions) != 1:
        raise GalleryDamagedError(
            f"{name} is a database, but not a gallery's: expected one schema revision in it, found "
            f"{len(revisions)}; check the path, or {DAMAGED}"
        )
    if revisions[0] not in REVISIONS:
        raise GalleryVersionError(
            f"{name} has schema revision {revisions[0]}, which is newer than this version of "
            f"Onelook knows ({HEAD}); install the newer version"
        )
    return revisions[0]


def upgrade(connection: Connection) -> None:
    """Bring the schema to the newest revision within the connection's transaction."""
    from alembic import command  # slow to import, and rarely needed

    with _alembic:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def upgrade_server(database: Database) -> str | None:
    """Make a server's tables, or bring them to the newest revision; the revision before, if any.

    One transaction: it is done whole or not at all, and processes that try it at once do it once.

    Raises:
        GalleryVersionError: the revision is not known here.
        ReadOnlyError: the user may not make tables.
    """
    server = database.server
    assert server is not None, "files are upgraded when they are opened"
    from .session import Session

    with database.transaction(write=True) as connection:
        server.make_schema(connection)
        before = None
        session = Session(connection)
        if server.has_table(session, _VERSIONS):
            before = current_revision(session, database.name)
        if before != HEAD:
            upgrade(connection)
    return before


def script_location() -> Path:
    """The folder of the migration scripts: inside the installed package, or beside it."""
    package = Path(__file__).parents[1]
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def backup_path(path: Path, revision: str) -> Path:
    """Where the copy of the database `path` at `revision` goes before an upgrade."""
    return path.with_name(f"{path.name}.before-upgrade-from-{revision}")


def _upgrade_file(database: Database, path: Path) -> None:
    from .session import Session

    with database.transaction(write=True, foreign_keys=False) as connection:
        revision = current_revision(Session(connection), database.name)
        if revision == HEAD:
            return  # another process did it while this one waited for the lock
        # Another connection reads the state before this transaction, which no one can change now.
        sqlite.copy(
            path,
            backup_path(path, revision),
            mode="rw",
            timeout=database.timeout,
            overwrite=True,
        )
        upgrade(connection)


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(script_location()).replace("%", "%%"))
    return config

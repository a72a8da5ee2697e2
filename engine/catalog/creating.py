"""Making the database of a new gallery, in a file or on a server."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Connection, insert, select

from ..errors import GalleryNotFoundError
from ..types import KeepPictures, Space
from . import migrate, sqlite
from .database import Database
from .models import GalleryRow, SpaceRow
from .spaces import space_values

DEFAULT_TARGET_FPIR = 0.05


def create_file(path: Path, space: Space, keep_pictures: KeepPictures) -> None:
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


def create_on_server(
    url: URL, space: Space, keep_pictures: KeepPictures, lock_timeout: float
) -> None:
    """Put a gallery into a server's tables, unless another process did so meanwhile."""
    with Database(url, timeout=lock_timeout) as database:
        migrate.prepare(database)
        if migrate.holds_gallery(database):
            return
        with database.transaction(write=True) as connection:
            if connection.execute(select(GalleryRow.id)).first() is None:
                _insert_gallery(connection, space, keep_pictures)


def _fill(database: Database, space: Space, keep_pictures: KeepPictures) -> None:
    with database.transaction(write=True) as connection:
        migrate.upgrade(connection)
        _insert_gallery(connection, space, keep_pictures)


def _insert_gallery(connection: Connection, space: Space, keep_pictures: KeepPictures) -> None:
    now, commit_id = datetime.now(UTC), uuid.uuid4().hex
    connection.execute(insert(SpaceRow).values(**space_values(space, now)))
    connection.execute(
        insert(GalleryRow).values(
            id=1,
            uuid=str(uuid.uuid4()),
            created_at=now,
            generation=0,
            trimmed_generation=0,
            commit_id=commit_id,
            trimmed_commit_id=commit_id,
            space_id=space.id,
            projection_id=None,
            keep_pictures=keep_pictures.value,
            target_fpir=DEFAULT_TARGET_FPIR,
        )
    )

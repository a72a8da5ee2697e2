"""Where a gallery lies: in a folder, or in the database of a PostgreSQL server.

A folder holds the catalog's database and a file of the index. A server's gallery is shared by
machines, so each keeps its file in the user's cache folder, under the gallery's own id.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..catalog import Catalog, shown_location
from ..errors import GalleryError, GalleryNotFoundError, StorageError
from ..settings import cache_folder

DATABASE_NAME = "catalog.sqlite"
INDEX_NAME = "index.faiss"


@dataclass(frozen=True, slots=True)
class GalleryFolder:
    """The folder of a gallery and the files in it."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def database(self) -> Path:
        return self.path / DATABASE_NAME

    @property
    def index_file(self) -> Path:
        return self.path / INDEX_NAME

    @property
    def exists(self) -> bool:
        return self.database.is_file()

    def files(self, _uuid: str) -> GalleryFolder:
        """Where this machine keeps the files of the gallery of that id: here."""
        return self

    def made(self) -> GalleryFolder:
        """This folder, made for its user alone if it isn't there.

        Raises:
            StorageError: it can't be made.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{self.path}: the folder can't be made: {error.strerror}") from None
        return self

    def require(self) -> None:
        """Raise unless there is a gallery here.

        Raises:
            GalleryNotFoundError: naming the path, what is there instead, and what to do.
        """
        if self.exists:
            return
        if not self.path.exists():
            found = "there is nothing at that path"
        elif self.path.is_dir():
            found = f"the folder holds no {DATABASE_NAME}"
        else:
            found = "that is a file, and a gallery is a folder"
        raise GalleryNotFoundError(
            f"{self.path}: expected a gallery, but {found}. Check the path; "
            f"`onelook enroll SOURCE --gallery {self.path}` makes a new one."
        )

    def require_free(self) -> None:
        """Raise where a new gallery would mix with something else.

        A gallery that another process makes at this very moment isn't something else.

        Raises:
            GalleryError: a file is there, or a folder that isn't empty.
        """
        if not self.path.exists():
            return
        if not self.path.is_dir() or any(
            not entry.name.startswith((DATABASE_NAME, INDEX_NAME)) for entry in self.path.iterdir()
        ):
            raise GalleryError(
                f"{self.path}: expected a path that is free for a new gallery, but "
                f"{'a folder that is not empty' if self.path.is_dir() else 'a file'} is there. "
                "Choose another path."
            )


@dataclass(frozen=True, slots=True)
class GalleryDatabase:
    """A gallery in a server's database.

    Attributes:
        database: its URL, which may hold a password; as text, the location hides it.
    """

    database: str

    def __str__(self) -> str:
        return shown_location(self.database)

    @property
    def exists(self) -> bool:
        """Whether there is a gallery.

        Raises:
            GalleryVersionError: the database's tables are missing or must be upgraded first.
            UnavailableError: the server can't be reached.
        """
        return Catalog.exists(self.database)

    def files(self, uuid: str) -> GalleryFolder:
        """Where this machine keeps the files of the gallery of that id."""
        return GalleryFolder(cache_folder() / "galleries" / uuid).made()

    def made(self) -> GalleryDatabase:
        """This location: only an upgrade makes a database's tables."""
        return self

    def require(self) -> None:
        """Nothing: opening the catalog says what is missing."""

    def require_free(self) -> None:
        """Nothing: its tables hold a gallery or none, never something else."""


GalleryLocation = GalleryFolder | GalleryDatabase


def location_of(place: str | os.PathLike[str]) -> GalleryLocation:
    """The folder, or else the database, that a user names.

    Raises:
        GalleryError: it can't be either.
    """
    try:
        text = os.fspath(place)
        if isinstance(text, str) and "://" in text:
            return GalleryDatabase(text)
        folder = GalleryFolder(Path(text))
        folder.path.exists()  # a name that the system can't have raises
    except (TypeError, ValueError, OSError) as error:
        raise GalleryError(
            f"expected a gallery's folder or database URL, but got {place!r:.200} ({error})"
        ) from None
    return folder

"""Where the files of a job wait until it is done.

No name that a sender gave becomes a file's name.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ...catalog.service import JobFileStore
from ...errors import StorageError, TooLargeError

PIECE = 2**20


class Stream(Protocol):
    """What a file's bytes are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, or none at the end."""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that waits.

    Attributes:
        key: where it lies.
        name: what its sender calls it.
        size: in bytes.
    """

    key: str
    name: str
    size: int


class JobFiles(Protocol):
    """The files of one job; several threads and processes may add to them at a time."""

    def add(self, name: str, stream: Stream, most: int) -> int:
        """Store a file; how many bytes it has.

        Raises:
            TooLargeError: these are more than `most`.
            StorageError: it can't be stored.
        """

    def note(self, name: str, size: int) -> None:
        """List a file that isn't stored, for it is too large to be of use.

        Raises:
            StorageError: it can't be noted.
        """

    def listed(self) -> list[StagedFile]:
        """Every file, in the order in which they came."""

    def image(self, file: StagedFile) -> Path | bytes:
        """A file, as it can be decoded."""

    def remove(self) -> None:
        """Delete them all."""


class FolderFiles:
    """The files of one job in a folder, with a list of their names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._list = folder / "files.jsonl"

    def add(self, name: str, stream: Stream, most: int) -> int:
        key = secrets.token_hex(8)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            size = _copy(stream, self._folder / key, most)
            self._append(StagedFile(key, name, size))
        except OSError as error:
            raise StorageError(f"the job's files can't be stored: {error.strerror}") from None
        return size

    def note(self, name: str, size: int) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._append(StagedFile("", name, size))
        except OSError as error:
            raise StorageError(f"the job's files can't be stored: {error.strerror}") from None

    def listed(self) -> list[StagedFile]:
        return list(self._lines())

    def image(self, file: StagedFile) -> Path:
        return self._folder / file.key

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _append(self, file: StagedFile) -> None:
        line = json.dumps({"key": file.key, "name": file.name, "size": file.size}) + "\n"
        with self._list.open("a", encoding="utf-8") as lines:
            lines.write(line)  # short enough to be written whole

    def _lines(self) -> Iterator[StagedFile]:
        if self._list.is_file():
            with self._list.open(encoding="utf-8") as lines:
                for line in lines:
                    yield StagedFile(**json.loads(line))


class DatabaseFiles:
    """The files of one job in the gallery's database, whatever machine they came to."""

    def __init__(self, store: JobFileStore, job_id: int) -> None:
        self._store = store
        self._job_id = job_id

    def add(self, name: str, stream: Stream, most: int) -> int:
        data = bytearray()
        while piece := stream.read(PIECE):
            data += piece
            if len(data) > most:
                raise too_large(most)
        self._store.add(self._job_id, name=name, data=bytes(data))
        return len(data)

    def note(self, name: str, size: int) -> None:
        self._store.add(self._job_id, name=name, data=b"", size=size)

    def listed(self) -> list[StagedFile]:
        found = self._store.listed(self._job_id)
        return [StagedFile(str(file.id), file.name, file.size) for file in found]

    def image(self, file: StagedFile) -> bytes:
        return self._store.data(int(file.key))

    def remove(self) -> None:
        self._store.remove(self._job_id)


def too_large(most: int) -> TooLargeError:
    """What is said of a job whose files take more room than they may."""
    return TooLargeError(
        f"the job's files take more room than they may ({most / PIECE:,.0f} MiB were left); "
        "split them"
    )


def _copy(stream: Stream, path: Path, most: int) -> int:
    size = 0
    try:
        with path.open("wb") as target:
            while piece := stream.read(PIECE):
                size += len(piece)
                if size > most:
                    raise too_large(most)
                target.write(piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return size

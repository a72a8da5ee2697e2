"""The files of a job, until it is done: numbered, beside the gallery, with a list of their names.

No name that a sender gave becomes a file's name.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import StorageError, TooLargeError
from engine.server.jobs.archives import Stream, is_archive, unpack
from engine.server.options import ServerOptions
from engine.server.service import Service
from engine.server.uploads import file_name

_PIECE = 2**20


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that waits: where it lies, and what its sender calls it."""

    path: Path
    name: str


class Staging:
    """The folder of one job; used by one thread at a time."""

    def __init__(self, folder: Path, options: ServerOptions) -> None:
        self._folder = folder
        self._list = folder / "files.jsonl"
        self._options = options
        known = list(self._lines())
        self._count = len(known)
        self._bytes = sum(int(line["bytes"]) for line in known)

    def add(self, name: str, file: BinaryIO) -> None:
        """Store a file, or what an archive holds.

        Raises:
            ArchiveError: the archive is damaged or hostile.
            TooLargeError: the job would hold too much.
            StorageError: the disk is full, or the folder can't be written.
        """
        if is_archive(name):
            unpack(file_name(name), file, self._store)
        else:
            self._store(name, file)

    def files(self) -> list[StagedFile]:
        """Everything stored, in order."""
        return [
            StagedFile(self._folder / str(line["file"]), str(line["name"]))
            for line in self._lines()
        ]

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _store(self, name: str, stream: Stream) -> None:
        if self._count >= self._options.max_files:
            raise TooLargeError(
                f"expected at most {self._options.max_files} files in a job; split them"
            )
        number = f"{self._count + 1:06d}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            size = self._copy(stream, self._folder / number)
            entry = {"file": number, "name": file_name(name.replace("\\", "/")), "bytes": size}
            with self._list.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise StorageError(f"the job's files can't be stored: {error.strerror}") from None
        self._count += 1

    def _copy(self, stream: Stream, path: Path) -> int:
        size = 0
        with path.open("wb") as target:
            while piece := stream.read(_PIECE):
                size += len(piece)
                self._bytes += len(piece)
                if self._bytes > self._options.max_expanded_bytes:
                    raise TooLargeError(
                        "the job's files take more than "
                        f"{self._options.max_expanded_bytes / _PIECE:,.0f} MiB; split them"
                    )
                target.write(piece)
        return size

    def _lines(self) -> Iterator[dict[str, Any]]:
        if self._list.is_file():
            with self._list.open(encoding="utf-8") as lines:
                for line in lines:
                    yield json.loads(line)


def staging_of(service: Service, job_id: int) -> Staging:
    """The files of a job."""
    return Staging(service.jobs_folder / str(job_id), service.options)


def labels_of(names: Sequence[str]) -> list[str]:
    """The labels that files' paths say, by the rule of a folder that is enrolled.

    The folder that holds everything is left aside; then a file in a folder has that folder's name
    (`mug/1.jpg`), any other its own (`mug.jpg`).
    """
    paths = [[part for part in name.split("/") if part not in ("", ".")] for name in names]
    tops = {parts[0] for parts in paths if parts}
    if len(tops) == 1 and all(len(parts) > 1 for parts in paths):
        paths = [parts[1:] for parts in paths]
    return [parts[0] if len(parts) > 1 else Path(parts[0]).stem if parts else "" for parts in paths]

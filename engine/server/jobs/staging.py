"""Takes in what was uploaded for a job: single files, and what archives hold, within the limits."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from ...errors import TooLargeError
from ...gallery import GalleryFolder
from ...types import Reject
from ..options import MEBIBYTE, ServerOptions
from ..served import Served
from ..uploads import file_name, source_text
from .archives import Bounds, is_archive, unpack
from .files import DatabaseFiles, FolderFiles, JobFiles, StagedFile, Stream

JOBS_FOLDER = "jobs"


class Staging:
    """The files of one job; used by one thread, while others may add to the same job."""

    def __init__(self, files: JobFiles, options: ServerOptions) -> None:
        self._files = files
        self._options = options

    def add(
        self,
        uploads: Sequence[tuple[str, BinaryIO]],
        given_up: Callable[[], bool] = lambda: False,
    ) -> None:
        """Store files, by name, or what archives among them hold.

        What is larger than any picture may be is only noted.

        Args:
            uploads: names and files.
            given_up: whether nobody waits any more; asked now and then.

        Raises:
            AbandonedError: nobody does.
            ArchiveError: an archive is damaged or hostile.
            TooLargeError: the job would hold too much.
            StorageError: the disk is full, or the folder can't be written.
        """
        there = self._files.listed()
        self._count = len(there)
        self._bytes = sum(file.size for file in there if self.refusal(file) is None)
        for name, file in uploads:
            if is_archive(name):
                bounds = Bounds(self._options.max_expanded_bytes, given_up=given_up)
                unpack(file_name(name), file, self._store, bounds)
            else:
                size = file.seek(0, io.SEEK_END)
                file.seek(0)
                self._store(name, file, size)

    def files(self) -> list[StagedFile]:
        """Everything stored, in order."""
        return self._files.listed()

    def refusal(self, file: StagedFile) -> Reject | None:
        """Why a file was only noted, or None if it can be decoded."""
        most = self._options.max_image_bytes
        if file.size <= most:
            return None
        return Reject(
            source_text(file.name),
            f"it has {file.size / MEBIBYTE:,.1f} MiB, more than the limit of "
            f"{most / MEBIBYTE:,.1f} MiB",
        )

    def image(self, file: StagedFile) -> Path | bytes:
        """A file, as it can be decoded."""
        return self._files.image(file)

    def remove(self) -> None:
        """Delete everything."""
        self._files.remove()

    def _store(self, name: str, stream: Stream, size: int) -> None:
        if self._count >= self._options.max_files:
            raise TooLargeError(
                f"expected at most {self._options.max_files} files in a job; split them"
            )
        self._count += 1
        name = file_name(name.replace("\\", "/"))
        if size > self._options.max_image_bytes:
            self._files.note(name, size)
            return
        left = self._options.max_expanded_bytes - self._bytes
        self._bytes += self._files.add(name, stream, left)


def staging_of(served: Served, job_id: int) -> Staging:
    """The files of a job."""
    location = served.recognizer.gallery.location
    options = served.options
    files: JobFiles
    if isinstance(location, GalleryFolder):
        files = FolderFiles(location.path / JOBS_FOLDER / str(job_id))
    else:
        files = DatabaseFiles(served.store.job_files, job_id)
    return Staging(files, options)


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

"""Unpacks archives that anybody may have made.

A name that leads out of the archive, a link, a device, an encrypted or nested entry that pretends
to be something else: the whole archive is refused, for whoever made it meant harm. What an entry
unpacks to is counted as it is read; what its header claims is not trusted.
"""

from __future__ import annotations

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, BinaryIO, Protocol

from engine.errors import ArchiveError

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
MAX_RATIO = 200
"""A file that unpacks to more than this many times its packed size is a bomb, not a picture."""

_RATIO_FROM = 4 * 2**20


class Stream(Protocol):
    """What a file's bytes are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, or none at the end."""


Take = Callable[[str, Stream], None]


def is_archive(name: str) -> bool:
    """Whether a file's name is that of an archive."""
    return name.lower().endswith(_ENDINGS)


def unpack(name: str, file: BinaryIO, take: Take) -> None:
    """Hand every regular file of an archive to `take`, as its name and a stream.

    Hidden files and what macOS adds are passed over.

    Raises:
        ArchiveError: it is damaged, hostile or of an unknown kind.
    """
    try:
        if file.read(4) in _ZIP_MAGIC:
            file.seek(0)
            _unpack_zip(name, file, take)
        else:
            file.seek(0)
            _unpack_tar(name, file, take)
    except ArchiveError:
        raise
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise ArchiveError(
            f"{name}: expected a ZIP or TAR archive, but it is damaged or of another kind ({error})"
        ) from None


def _unpack_zip(name: str, file: BinaryIO, take: Take) -> None:
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            mode = entry.external_attr >> 16
            _check_name(name, entry.filename)
            if entry.flag_bits & 0x1:
                raise ArchiveError(f"{name}: {entry.filename!r} is encrypted; pack it without")
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _link(name, entry.filename)
            if entry.is_dir() or _hidden(entry.filename):
                continue
            with archive.open(entry) as stream:
                take(entry.filename, _Counted(name, entry.filename, stream, entry.compress_size))


def _unpack_tar(name: str, file: BinaryIO, take: Take) -> None:
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for entry in archive:
            _check_name(name, entry.name)
            if entry.isdir():
                continue
            if not entry.isreg():
                raise _link(name, entry.name)
            stream = archive.extractfile(entry)
            if stream is not None and not _hidden(entry.name):
                take(entry.name, stream)


def _check_name(archive: str, name: str) -> None:
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name:
        raise ArchiveError(
            f"{archive}: {name[:200]!r} leads out of the archive; pack the folder itself"
        )


def _hidden(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _link(archive: str, name: str) -> ArchiveError:
    return ArchiveError(f"{archive}: {name[:200]!r} is a link or device; pack the files themselves")


class _Counted:
    """A stream that refuses to unpack to absurdly more than it was packed from."""

    def __init__(self, archive: str, name: str, stream: IO[bytes], packed: int) -> None:
        self._where = f"{archive}: {name[:200]!r}"
        self._stream = stream
        self._most = max(_RATIO_FROM, MAX_RATIO * packed)
        self._read = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._read += len(data)
        if self._read > self._most:
            raise ArchiveError(
                f"{self._where} unpacks to more than {MAX_RATIO} times its size: a bomb"
            )
        return data

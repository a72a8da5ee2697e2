"""Unpacks archives that anybody may have made.

A name that leads out of the archive, a link, a device, an encrypted or nested entry that pretends
to be something else: the whole archive is refused, for whoever made it meant harm. What an entry
unpacks to is counted as it is read; what its header claims is not trusted.
"""

from __future__ import annotations

import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, BinaryIO, Self

from engine.errors import ArchiveError
from engine.server.jobs.files import Stream

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
MAX_RATIO = 200
"""A file that unpacks to more than this many times its packed size is a bomb, not a picture."""

_RATIO_FROM = 4 * 2**20
MAX_ENTRIES = 150_000
"""Folders and hidden files included; every entry costs memory, even an empty one."""

_MAX_HEADER = 2**20
_MAX_DIRECTORY = 24 * 2**20

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
        lzma.LZMAError,
        struct.error,
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
    _check_directory(name, file)
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
    with tarfile.open(fileobj=file, mode="r|*", tarinfo=_BoundedHeader) as archive:
        for number, entry in enumerate(archive):
            if number >= MAX_ENTRIES:
                raise _too_many(name)
            _check_name(name, entry.name)
            if entry.isdir():
                continue
            if not entry.isreg():
                raise _link(name, entry.name)
            stream = archive.extractfile(entry)
            if stream is not None and not _hidden(entry.name):
                take(entry.name, stream)


class _BoundedHeader(tarfile.TarInfo):
    """An entry whose name and attributes, which are read at once, are of a sane length."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type not in (*tarfile.REGULAR_TYPES, tarfile.DIRTYPE) and (
            header.size > _MAX_HEADER
        ):
            raise ArchiveError("the archive holds a name or attribute of absurd length: a bomb")
        return header


def _check_directory(name: str, file: BinaryIO) -> None:
    """Refuse a ZIP whose directory, which is read at once, is larger than any honest one.

    The directory's size stands 12 bytes into the record that ends the file, or, where there are
    too many entries for that, 40 bytes into the record that a locator before it leads to (APPNOTE
    6.3.10, sections 4.3.14 to 4.3.16).
    """
    length = file.seek(0, io.SEEK_END)
    file.seek(max(0, length - 22 - 2**16))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    sizes = list(struct.unpack_from("<L", tail, end + 12)) if 0 <= end <= len(tail) - 22 else []
    if end >= 20 and tail[end - 20 : end - 16] == b"PK\x06\x07":
        file.seek(struct.unpack_from("<Q", tail, end - 12)[0])
        record = file.read(56)
        sizes = list(struct.unpack_from("<Q", record, 40)) if len(record) == 56 else []
    file.seek(0)
    if any(size > _MAX_DIRECTORY for size in sizes):
        raise _too_many(name)


def _too_many(name: str) -> ArchiveError:
    return ArchiveError(f"{name}: holds more than {MAX_ENTRIES:,} entries; split it")


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

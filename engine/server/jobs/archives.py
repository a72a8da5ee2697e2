"""Unpacks archives that anybody may have made.

A name that leads out of the archive, a link, a device, an encrypted or nested entry that pretends
to be something else: the whole archive is refused, for whoever made it meant harm. What an archive
claims about itself is not trusted: every byte that comes out of a decompressor is counted, of
whatever sort of entry it is a part, and every header.
"""

from __future__ import annotations

import bz2
import io
import lzma
import stat
import struct
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, BinaryIO, Protocol, Self

from ...errors import ArchiveError, OnelookError
from .files import PIECE, Stream

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
MAX_RATIO = 200
"""What unpacks to more than this many times its packed size is a bomb, not pictures."""

_RATIO_FROM = 4 * 2**20
MAX_ENTRIES = 150_000
"""Folders, hidden files and headers of attributes included; every entry costs time and memory."""

_PACKED_PIECE = 64 * 1024
_MAX_HEADER = 2**20
_MAX_DIRECTORY = 24 * 2**20
_XZ_MEMORY = 128 * 2**20

Take = Callable[[str, Stream, int], None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What unpacking may cost.

    Attributes:
        most: bytes that may come out of it.
        seconds: how long it may take, and a second more for each MiB of the archive.
        given_up: whether nobody waits for it any more.
    """

    most: int
    seconds: float = 10.0
    given_up: Callable[[], bool] = lambda: False


def is_archive(name: str) -> bool:
    """Whether a file's name is that of an archive."""
    return name.lower().endswith(_ENDINGS)


def unpack(name: str, file: BinaryIO, take: Take, bounds: Bounds) -> None:
    """Hand every regular file of an archive to `take`: its name, a stream, and its size.

    Hidden files and what macOS adds are passed over. `take` needn't read the stream.

    Raises:
        ArchiveError: it is damaged, hostile, of an unknown kind, or beyond the bounds.
        AbandonedError: nobody waits for it any more.
    """
    length = file.seek(0, io.SEEK_END)
    file.seek(0)
    meter = _Meter(name, bounds, length)
    try:
        magic = file.read(6)
        file.seek(0)
        if magic[:4] in _ZIP_MAGIC:
            _unpack_zip(name, file, length, take, meter)
        else:
            _unpack_tar(name, _plain(file, magic, meter), take, meter)
    except OnelookError:
        raise
    except MemoryError:
        raise ArchiveError(f"{name}: needs more memory to be unpacked than it may") from None
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


class AbandonedError(OnelookError):
    """Nobody waits for the archive any more."""


class _Meter:
    """Counts what an archive has cost so far."""

    def __init__(self, name: str, bounds: Bounds, length: int) -> None:
        self._name = name
        self._bounds = bounds
        self._seconds = bounds.seconds + length / PIECE
        self._until = time.monotonic() + self._seconds
        self._unpacked = 0
        self._entries = 0

    def entry(self) -> None:
        """Count an entry or a header."""
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            raise _too_many(self._name)
        self._look_up()

    def unpacked(self, size: int, packed: int) -> None:
        """Count bytes that came out, of which so many went in up to now."""
        self._unpacked += size
        if self._unpacked > self._bounds.most:
            raise ArchiveError(
                f"{self._name}: unpacks to more than {self._bounds.most / PIECE:,.0f} MiB; split it"
            )
        if self._unpacked > max(_RATIO_FROM, MAX_RATIO * packed):
            raise ArchiveError(
                f"{self._name}: unpacks to more than {MAX_RATIO} times its size: a bomb"
            )
        self._look_up()

    def _look_up(self) -> None:
        if self._bounds.given_up():
            raise AbandonedError(f"{self._name}: nobody waits for it any more")
        if time.monotonic() > self._until:
            raise ArchiveError(
                f"{self._name}: takes more than {self._seconds:.0f} seconds to unpack; split it"
            )


class _Decompressor(Protocol):
    """What `bz2` and `lzma` offer, and `_Gzip` in their way."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gzip:
    """A gzip member, unpacked a piece at a time as `bz2` and `lzma` do it."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)
        self._left = b""

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._left and not self.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        found = self._zlib.decompress(self._left + data, max_length)
        self._left = self._zlib.unconsumed_tail
        return found


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


_PACKED: dict[bytes, Callable[[], _Decompressor]] = {
    b"\x1f\x8b": _Gzip,
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": _xz,
}


def _plain(file: BinaryIO, magic: bytes, meter: _Meter) -> Stream:
    for start, make in _PACKED.items():
        if magic.startswith(start):
            return _Unpacked(file, make, meter)
    return _Unpacked(file, None, meter)


class _Unpacked:
    """What a compressed file holds, never more than a piece of it in memory, all of it counted.

    A file may be several that were compressed one by one, as programs do that use many cores.
    """

    def __init__(
        self, file: BinaryIO, make: Callable[[], _Decompressor] | None, meter: _Meter
    ) -> None:
        self._file = file
        self._make = make
        self._meter = meter
        self._packed = 0
        self._working = None if make is None else make()
        self._rest = b""  # read, and not yet handed to a decompressor
        self._ready = bytearray()

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            raise ValueError("expected a number of bytes to read")
        while len(self._ready) < size:
            piece = self._piece()
            if not piece:
                break
            self._meter.unpacked(len(piece), self._packed)
            self._ready += piece
        found = bytes(self._ready[:size])
        del self._ready[:size]
        return found

    def _piece(self) -> bytes:
        if self._working is None or self._make is None:
            return self._take_in(PIECE)
        while True:
            data = self._take_in(_PACKED_PIECE) if self._working.needs_input else b""
            if self._working.needs_input and not data:
                raise EOFError("it is cut short")
            piece = self._working.decompress(data, PIECE)
            if self._working.eof:
                self._rest = self._working.unused_data.lstrip(b"\0")
                self._rest = self._rest or self._take_in(_PACKED_PIECE).lstrip(b"\0")
                self._working = self._make() if self._rest else None
                self._meter.entry()
            if piece or self._working is None:
                return piece

    def _take_in(self, size: int) -> bytes:
        if self._rest:
            data, self._rest = self._rest, b""
            return data
        data = self._file.read(size)
        self._packed += len(data)
        return data


def _unpack_zip(name: str, file: BinaryIO, length: int, take: Take, meter: _Meter) -> None:
    _check_directory(name, file, length)
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            meter.entry()
            mode = entry.external_attr >> 16
            _check_name(name, entry.filename)
            if entry.flag_bits & 0x1:
                raise ArchiveError(f"{name}: {entry.filename!r} is encrypted; pack it without")
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _link(name, entry.filename)
            if entry.is_dir() or _hidden(entry.filename):
                continue
            if entry.compress_type not in _ZIP_METHODS:  # others can't be unpacked piece by piece
                raise ArchiveError(
                    f"{name}: {entry.filename[:200]!r} is packed by a method that is not taken; "
                    "make an ordinary ZIP"
                )
            with archive.open(entry) as stream:
                counted = _Counted(name, entry, stream, meter, length)
                take(entry.filename, counted, entry.file_size)


def _unpack_tar(name: str, plain: Stream, take: Take, meter: _Meter) -> None:
    # A reader of its own would unpack a whole block of compressed bytes at once, however large.
    with tarfile.open(fileobj=plain, mode="r|", tarinfo=_header_class(meter)) as archive:  # type: ignore[call-overload]
        for entry in archive:
            archive.members.clear()  # else it remembers every entry
            _check_name(name, entry.name)
            if entry.isdir():
                continue
            if not entry.isreg() or entry.issparse():  # whose holes would come out of nothing
                raise _link(name, entry.name)
            stream = archive.extractfile(entry)
            if stream is not None and not _hidden(entry.name):
                take(entry.name, stream, entry.size)


def _header_class(meter: _Meter) -> type[tarfile.TarInfo]:
    """Headers of an archive, each of them counted, those of attributes too."""

    class Header(tarfile.TarInfo):
        """An entry whose name and attributes, which are read at once, are of a sane length."""

        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            meter.entry()
            header = super().frombuf(buf, encoding, errors)
            if header.type not in (*tarfile.REGULAR_TYPES, tarfile.DIRTYPE) and (
                header.size > _MAX_HEADER
            ):
                raise ArchiveError("the archive holds a name or attribute of absurd length: a bomb")
            return header

    return Header


def _check_directory(name: str, file: BinaryIO, length: int) -> None:
    """Refuse a ZIP whose directory, which is read at once, is larger than any honest one.

    The directory's size stands 12 bytes into the record that ends the file, or, where there are
    too many entries for that, 40 bytes into the record that a locator before it leads to (APPNOTE
    6.3.10, sections 4.3.14 to 4.3.16).
    """
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
    return ArchiveError(
        f"{archive}: {name[:200]!r} is a link, a device or sparse; pack plain files"
    )


class _Counted:
    """A ZIP's entry: neither it nor all entries unpack to absurdly more than was packed."""

    def __init__(
        self, archive: str, entry: zipfile.ZipInfo, stream: IO[bytes], meter: _Meter, length: int
    ) -> None:
        self._where = f"{archive}: {entry.filename[:200]!r}"
        self._stream = stream
        self._most = max(_RATIO_FROM, MAX_RATIO * entry.compress_size)
        self._meter = meter
        self._length = length
        self._read = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._read += len(data)
        self._meter.unpacked(len(data), self._length)
        if self._read > self._most:
            raise ArchiveError(
                f"{self._where} unpacks to more than {MAX_RATIO} times its size: a bomb"
            )
        return data

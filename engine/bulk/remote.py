"""Pictures and manifests in an object store, such as S3, through pyarrow's filesystems.

Addresses are those that pyarrow takes: `s3://bucket/prefix`, `gs://…`, `abfs://…`, `hdfs://…` and
`file:///…`, with options behind a question mark (`?region=…&endpoint_override=…`). Credentials come
from where the store's own tools take them, such as `AWS_ACCESS_KEY_ID` or `~/.aws`; those within an
address are never shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from ..errors import ImageError
from ..slim import needing

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

SCHEMES = frozenset({"s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs", "file"})


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One object, or a prefix of many; safe to pickle, and read anew at each `read`.

    Attributes:
        store: the address without its path; it may hold credentials.
        path: as the store's filesystem names it, with the bucket in front.
    """

    store: str
    path: str

    @classmethod
    def at(cls, address: str) -> RemoteFile:
        """The object at an address.

        Raises:
            ImageError: the address can't be used.
        """
        parts = urlsplit(address)
        store = urlunsplit((parts.scheme, parts.netloc, "", parts.query, ""))
        bucket = parts.netloc.rpartition("@")[2] if parts.scheme not in ("hdfs", "file") else ""
        return cls(store, f"{bucket}{parts.path}".rstrip("/") or "/")

    @property
    def name(self) -> str:
        """Its address, without options and credentials."""
        return f"{urlsplit(self.store).scheme}://{self.path}"

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"RemoteFile({self.name!r})"

    @property
    def suffix(self) -> str:
        """The ending of its name, such as `.csv`."""
        return PurePosixPath(self.path).suffix

    @property
    def base(self) -> str:
        """The last part of its path."""
        return PurePosixPath(self.path).name

    @property
    def stem(self) -> str:
        """Its name without the ending."""
        return PurePosixPath(self.path).stem

    def resolve(self, path: str) -> RemoteFile:
        """What this file means by a path, relative to where it lies, or by another address.

        An address in the same kind of store without options of its own takes this one's, and its
        credentials where it has none.

        Raises:
            ImageError: what lies in a store names a file of the machine that reads it.
        """
        if not is_remote(path):
            return RemoteFile(self.store, str(PurePosixPath(self.path).parent / path))
        other = RemoteFile.at(path)
        if other.store.startswith("file:") and not self.store.startswith("file:"):
            raise ImageError(
                other.name,
                f"{self.name} lies in an object store and may name objects, but no file of the "
                "machine that reads it; name the object's address or its relative path",
            )
        own, its = urlsplit(self.store), urlsplit(other.store)
        if its.scheme != own.scheme or its.query:
            return other
        user, at, _ = (its if "@" in its.netloc else own).netloc.rpartition("@")
        netloc = f"{user}{at}{its.netloc.rpartition('@')[2]}"
        return RemoteFile(urlunsplit((its.scheme, netloc, "", own.query, "")), other.path)

    def open(self, mode: str = "rb") -> BinaryIO:  # noqa: ARG002 - as `Path.open` is called
        """Raises OSError as local files do."""
        opened: BinaryIO = _filesystem(self.store).open_input_file(self.path)
        return opened

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes from its beginning; all of them if it is negative.

        Raises:
            ImageError: it isn't there, or can't be read.
        """
        try:
            with self.open() as file:
                return file.read(size) if size >= 0 else file.read()
        except FileNotFoundError:
            raise ImageError(self.name, "there is no such object") from None
        except OSError as error:
            raise ImageError(self.name, _reason(error)) from error

    def is_file(self) -> bool:
        """Whether it is an object, not a prefix.

        Raises:
            ImageError: there is nothing, or the store can't be asked.
        """
        kinds = _arrow().FileType
        kind = self._info(self.path).type
        if kind == kinds.NotFound:
            raise ImageError(self.name, "there is nothing at that address; check bucket and prefix")
        return bool(kind == kinds.File)

    def exists(self) -> bool:
        """Whether anything is there.

        Raises:
            ImageError: the store can't be asked.
        """
        return bool(self._info(self.path).type != _arrow().FileType.NotFound)

    def entries(self) -> Iterator[tuple[RemoteFile, bool]]:
        """What lies right below it, in order of their names, and whether each is an object."""
        arrow = _arrow()
        found = self._info(arrow.FileSelector(self.path))
        for info in sorted(found, key=lambda each: str(each.path)):
            if not info.base_name.startswith("."):
                yield RemoteFile(self.store, info.path), info.type == arrow.FileType.File

    def _info(self, what: Any) -> Any:
        try:
            return _filesystem(self.store).get_file_info(what)
        except OSError as error:
            raise ImageError(self.name, _reason(error)) from error


def is_remote(source: object) -> bool:
    """Whether a source is the address of something in an object store."""
    return isinstance(source, str) and source.partition("://")[0] in SCHEMES and "://" in source


@cache
def _filesystem(store: str) -> FileSystem:
    """The connection to a store, one a process."""
    arrow = _arrow()
    try:
        opened: FileSystem = arrow.FileSystem.from_uri(
            store if urlsplit(store).netloc else f"{store}/"
        )[0]
        return opened
    except ValueError as error:  # of which pyarrow's ArrowInvalid is one
        raise OSError(f"the address can't be used: {error}") from error


def _arrow() -> Any:
    """pyarrow's filesystems: heavy, and only object stores need them."""
    with needing("an object store"):
        import pyarrow.fs
    return pyarrow.fs


def _reason(error: OSError) -> str:
    """What a store said, and what to check."""
    said = " ".join(str(error).split())
    return (
        f"the store can't be read: {said}; check the address and the credentials, which for S3 "
        "come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws or the machine's role"
    )

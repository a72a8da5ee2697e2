"""Where an image comes from: naming a source for people, and reading its bytes within limits."""

from __future__ import annotations

import base64
import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..boxes import BoxLike, Crop, boxed_source
from ..errors import ImageError


class Readable(Protocol):
    """A file object, as far as it matters; its `name`, if it has one, names the picture."""

    def read(self, size: int, /) -> bytes: ...


ImageSource = str | os.PathLike[str] | bytes | Readable | Image.Image | npt.NDArray[np.uint8] | Crop
"""A path, a file's bytes, a file object, a PIL image, `(height, width, 3) uint8` RGB, or a part of
one of these."""


def cropped(image: ImageSource, box: BoxLike | None) -> ImageSource:
    """The part of a picture within a box; without a box, the picture.

    Raises:
        SettingsError: as `Crop`.
    """
    return image if box is None else Crop(image, box)


MEBIBYTE = 1024 * 1024

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_BASE64 = re.compile(r"[A-Za-z0-9+/=_\s-]*")
_LEAST_BASE64 = 64
_LOOKED_AT = 1024  # characters of it
_LONGEST_PATH = 4096
_SHOWN = 60

_REASONS = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "there is no such file: a part of its path is not a folder",
    errno.EACCES: "reading it is not permitted",
    errno.EPERM: "reading it is not permitted",
    errno.ELOOP: "its symbolic links form a loop",
    errno.ENAMETOOLONG: "its name is longer than the file system allows",
}


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What an image may cost at most; more is refused before memory is spent on it.

    Attributes:
        max_bytes: of the encoded file.
        max_pixels: width times height; the default keeps
            one decoded picture below half a gigabyte.
    """

    max_bytes: int = 100 * MEBIBYTE
    max_pixels: int = 100_000_000


def describe_source(source: object) -> str:
    """The name by which errors, records and reports call a source.

    A path is given as text that always can be printed and stored: bytes of its name that are not
    UTF-8 appear as `\\xNN`; what is longer than any path, as data are that were taken for one, is
    cut. A part of a picture is named by the picture and the box.
    """
    if isinstance(source, Crop):
        return boxed_source(describe_source(source.image), source.box)
    if isinstance(source, str) and is_data_url(source):
        return "<data URL>"
    if isinstance(source, (str, os.PathLike)):
        return _path_text(os.fspath(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return "<bytes>"
    if isinstance(source, np.ndarray):
        return "<array>"
    if isinstance(source, Image.Image):
        filename = getattr(source, "filename", "")
        return _path_text(filename) if filename else "<image>"
    name = getattr(source, "name", None)
    if isinstance(name, (str, bytes)) and name:
        return _path_text(name)
    return "<file object>" if hasattr(source, "read") else f"<{type(source).__name__}>"


def read_encoded(source: object, limits: ImageLimits) -> bytes:
    """The encoded bytes of a path, of bytes or of a file object.

    Raises:
        ImageError: they can't be read, there are none, or there are more than the limits allow.
    """
    name = describe_source(source)
    if isinstance(source, str) and is_data_url(source):
        data = _read_data_url(source, limits)
    elif isinstance(source, (str, os.PathLike)):
        data = _read_file(source, name, limits)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif hasattr(source, "read"):
        data = _read_stream(source, name, limits)
    else:
        raise ImageError(
            name,
            "expected a path, bytes, a file object, a PIL image or a uint8 array "
            f"but got {type(source).__name__}",
        )
    if not data:
        raise ImageError(name, "it is empty (0 bytes)")
    if len(data) > limits.max_bytes:
        raise ImageError(name, _too_many_bytes(len(data), limits))
    return data


def _read_file(path: str | os.PathLike[str], name: str, limits: ImageLimits) -> bytes:
    try:
        # Looked at before it is opened, since opening a named pipe would wait for a writer.
        status = Path(path).stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageError(name, "it is a folder, not an image file")
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(name, "it is not a regular file")
        if status.st_size > limits.max_bytes:
            raise ImageError(name, _too_many_bytes(status.st_size, limits))
        with Path(path).open("rb") as file:
            return file.read(limits.max_bytes + 1)
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or f"it can't be read: {error.strerror or error}"
        if error.errno in (errno.ENOENT, errno.ENAMETOOLONG):
            reason = what_it_is_instead(os.fspath(path)) or reason
        raise ImageError(name, reason) from error
    except ValueError as error:  # a null character, or text that no file name can hold
        raise ImageError(name, f"it can't be a file's path: {error}") from error


def what_it_is_instead(path: str) -> str | None:
    """A sentence on what was given in the place of a path, if that can be told."""
    if path.lower().startswith("file://"):
        return "addresses are not fetched; give the path without `file://`"
    if _ADDRESS.match(path):
        return "addresses are not fetched; download the picture and give its path"
    if len(path) >= _LEAST_BASE64 and _BASE64.fullmatch(path[:_LOOKED_AT]):
        return (
            "it looks like base64 data, not like a path; give base64.b64decode of it, or a data "
            "URL (data:image/jpeg;base64,...)"
        )
    return None


def is_data_url(text: str) -> bool:
    """Whether a text is a picture itself, as browsers write it, and not its path."""
    return text[:5].lower() == "data:"


def _read_data_url(text: str, limits: ImageLimits) -> bytes:
    """The bytes of a data URL in base64 (RFC 2397)."""
    header, comma, body = text.partition(",")
    if not comma or not header.lower().endswith(";base64"):
        raise ImageError("<data URL>", "expected a data URL such as data:image/png;base64,...")
    if len(body) * 3 // 4 > limits.max_bytes + 2:
        raise ImageError("<data URL>", _too_many_bytes(len(body) * 3 // 4, limits))
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except ValueError as error:
        raise ImageError("<data URL>", f"its base64 data is damaged ({error})") from error


def _read_stream(stream: object, name: str, limits: ImageLimits) -> bytes:
    try:
        data = stream.read(limits.max_bytes + 1)  # type: ignore[attr-defined]
    except (OSError, ValueError) as error:
        raise ImageError(name, f"the file object can't be read: {error}") from error
    if not isinstance(data, (bytes, bytearray)):
        raise ImageError(name, "the file object gives text; open it in binary mode")
    if not data:
        raise ImageError(name, "the file object has no bytes left; rewind it before passing it")
    return bytes(data)


def _too_many_bytes(size: int, limits: ImageLimits) -> str:
    return (
        f"it has {size / MEBIBYTE:,.1f} MiB, more than the limit of "
        f"{limits.max_bytes / MEBIBYTE:,.1f} MiB"
    )


def _path_text(path: str | bytes) -> str:
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:  # lone surrogates that stand for no byte of a file name
        encoded = str(path).encode("utf-8", "backslashreplace")
    text = encoded.decode("utf-8", "backslashreplace")
    if len(text) <= _LONGEST_PATH:
        return text
    return f"{text[:_SHOWN]}… ({len(text):,} characters)"

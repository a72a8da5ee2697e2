"""The pictures that arguments name: files, folders and, as `-`, standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..boxes import Box
from ..bulk.folders import PICTURE_SUFFIXES, pictures_below
from ..bulk.manifests import is_manifest
from ..bulk.remote import is_remote
from ..bulk.sources import Source, items, origin, text_of
from ..errors import ImageError, LabelError
from ..images import (
    ImageSource,
    cropped,
    describe_source,
    is_data_url,
    what_it_is_instead,
)

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Collection:
    """What one bulk enrolment takes.

    Attributes:
        source: a folder, a manifest, or `(label, image)` for each of several single pictures.
        count: how many pictures there are, where that is known without looking.
    """

    source: Source
    count: int | None = None

    def counted(self) -> int:
        """How many pictures there are; looks through the source."""
        return sum(1 for _ in items(self.source)) if self.count is None else self.count


def collections(
    arguments: Iterable[str], label: str | None, box: Box | None = None
) -> list[Collection]:
    """Folders and manifests one by one, then all single pictures together.

    Args:
        box: the part of each single picture to enroll.

    Raises:
        ImageError: there is nothing at a path, or a folder or manifest lists no pictures.
        ManifestError: a manifest's beginning can't be read.
        LabelError: standard input is to be enrolled, and nothing says as what.
    """
    found: list[Collection] = []
    singles: list[tuple[str, ImageSource]] = []
    for argument in arguments:
        path = Path(argument)
        if argument == STANDARD_INPUT or is_data_url(argument):
            if label is None:
                given = "standard input" if argument == STANDARD_INPUT else "a data URL"
                raise LabelError(f"expected --label LABEL with a picture from {given}")
            picture = sys.stdin.buffer.read() if argument == STANDARD_INPUT else argument
            singles.append((label, cropped(picture, box)))
        elif is_remote(argument):
            _require_pictures(argument)
            found.append(Collection(argument))
        elif _is_folder(path) or (is_manifest(path.name) and path.is_file()):
            _require_pictures(path)
            found.append(Collection(path))
        elif not os.path.exists(path):  # noqa: PTH110 - as above
            reason = what_it_is_instead(argument) or "there is no such file or folder"
            raise ImageError(describe_source(argument), reason)
        else:
            singles.append((label or text_of(path.stem), cropped(path, box)))
    if singles:
        found.append(Collection(singles, len(singles)))
    return found


def queries(arguments: Iterable[str], box: Box | None = None) -> Iterator[ImageSource]:
    """Every picture to look at, in order; of a folder, all that lie below it.

    Args:
        box: the part of each to look at.

    Raises:
        ImageError: a folder holds no pictures.
    """
    for image in _pictures(arguments):
        yield cropped(image, box)


def _pictures(arguments: Iterable[str]) -> Iterator[ImageSource]:
    for argument in arguments:
        path = Path(argument)
        if argument == STANDARD_INPUT:
            yield sys.stdin.buffer
        elif _is_folder(path):
            _require_pictures(path)
            yield from pictures_below(path)
        else:
            yield argument  # a data URL holds a picture; what an address or base64 is, is told


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - false as well for text that is too long for a path


def _require_pictures(source: Path | str) -> None:
    if next(iter(items(source)), None) is None:
        name = origin(source) or ""
        listed = f"pictures (files ending in {' '.join(sorted(PICTURE_SUFFIXES))})"
        what = "rows" if is_manifest(name) else listed
        raise ImageError(name, f"expected {what}, but there are none")

"""The pictures that arguments name: files, folders and, as `-`, standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..bulk.folders import PICTURE_SUFFIXES, pictures_below
from ..bulk.manifests import MANIFEST_SUFFIXES
from ..bulk.remote import is_remote
from ..bulk.sources import Source, items, origin, text_of
from ..errors import ImageError, LabelError
from ..images import ImageSource, describe_source

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


def collections(arguments: Iterable[str], label: str | None) -> list[Collection]:
    """Folders and manifests one by one, then all single pictures together.

    Raises:
        ImageError: there is nothing at a path, or a folder or manifest lists no pictures.
        ManifestError: a manifest's beginning can't be read.
        LabelError: standard input is to be enrolled, and nothing says as what.
    """
    found: list[Collection] = []
    singles: list[tuple[str, ImageSource]] = []
    for argument in arguments:
        path = Path(argument)
        if argument == STANDARD_INPUT:
            if label is None:
                raise LabelError("expected --label LABEL with a picture from standard input")
            singles.append((label, sys.stdin.buffer.read()))
        elif is_remote(argument):
            _require_pictures(argument)
            found.append(Collection(argument))
        elif path.is_dir() or (path.suffix.lower() in MANIFEST_SUFFIXES and path.is_file()):
            _require_pictures(path)
            found.append(Collection(path))
        elif not path.exists():
            raise ImageError(describe_source(path), "there is no such file or folder")
        else:
            singles.append((label or text_of(path.stem), path))
    if singles:
        found.append(Collection(singles, len(singles)))
    return found


def queries(arguments: Iterable[str]) -> Iterator[ImageSource]:
    """Every picture to look at, in order; of a folder, all that lie below it.

    Raises:
        ImageError: a folder holds no pictures.
    """
    for argument in arguments:
        path = Path(argument)
        if argument == STANDARD_INPUT:
            yield sys.stdin.buffer
        elif path.is_dir():
            _require_pictures(path)
            yield from pictures_below(path)
        else:
            yield path


def _require_pictures(source: Path | str) -> None:
    if next(iter(items(source)), None) is None:
        name = origin(source) or ""
        listed = f"pictures (files ending in {' '.join(sorted(PICTURE_SUFFIXES))})"
        what = "rows" if name.lower().endswith(tuple(MANIFEST_SUFFIXES)) else listed
        raise ImageError(name, f"expected {what}, but there are none")

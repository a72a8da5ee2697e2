"""What a bulk enrolment reads: folders, manifests and iterables, as one stream of items.

What lies in an object store is listed like a folder, by its address (`engine.bulk.remote`).

A folder's pictures take their label from the first folder below it (`catalog/polar bear/1.jpg`),
or, lying in it directly, from the file's stem (`catalog/polar bear.jpg`). Hidden files and files
whose names don't end like a picture's are passed over.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.bulk.manifests import MANIFEST_SUFFIXES, read_manifest
from engine.bulk.remote import RemoteFile, is_remote
from engine.errors import ImageError, ManifestError
from engine.images import ImageSource, describe_source

PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"}
)


@dataclass(frozen=True, slots=True)
class Item:
    """One picture to enroll.

    Attributes:
        label: the class it shows.
        image: where its pixels are.
        source: the same as text; it names the example when the source is enrolled again.
        attributes: merged into the class's attributes.
    """

    label: str
    image: ImageSource
    source: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


Source = (
    str
    | os.PathLike[str]
    | Iterable[tuple[str, ImageSource] | tuple[str, ImageSource, Mapping[str, Any]] | Item]
)


def items(source: Source, *, label: str | None = None) -> Iterator[Item]:
    """List what `source` holds, lazily, in a stable order.

    Args:
        source: a folder, a manifest (`.csv`, `.jsonl`, `.parquet`), a picture, the address of one
            of these in an object store (`s3://bucket/prefix`), or an iterable of
            `(label, image)`, `(label, image, attributes)` or `Item`s.
        label: the class of every picture; by default each picture's name or row says it.

    Raises:
        ImageError: there is nothing at that path.
        ManifestError: the manifest can't be read, or a row of it is at fault; or the iterable
            holds something else than the tuples above.
    """
    if not isinstance(source, str | os.PathLike):
        return _from_iterable(source, label)
    if isinstance(source, str) and is_remote(source):
        return _from_store(RemoteFile.at(source), label)
    path = Path(source)
    if path.is_dir():
        return _from_folder(path, label)
    if path.suffix.lower() in MANIFEST_SUFFIXES and path.is_file():
        return _from_manifest(path, label)
    if not path.exists():
        raise ImageError(describe_source(path), "there is no such file or folder")
    return iter([_file_item(path, label or text_of(path.stem))])


def item_of(label: str, image: ImageSource, attributes: Mapping[str, Any]) -> Item:
    """One picture as an item; a path becomes absolute, so that it names the file for good."""
    if isinstance(image, str) and is_remote(image):
        image = RemoteFile.at(image)
    if isinstance(image, str | os.PathLike):
        image = Path(image).absolute()
    return Item(label, image, describe_source(image), attributes)


def origin(source: Source) -> str | None:
    """The text that names a source across runs; None for an iterable, which has no name."""
    if isinstance(source, str) and is_remote(source):
        return RemoteFile.at(source).name
    if isinstance(source, str | os.PathLike):
        return describe_source(Path(source).absolute())
    return None


def text_of(name: str) -> str:
    """A file name as text: bytes that aren't UTF-8 are written as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def pictures_below(folder: Path) -> Iterator[Path]:
    """The paths of all pictures in a folder and the folders below it, in a stable order.

    Raises:
        ImageError: a folder can't be read.
    """
    for entry in _sorted_entries(folder):
        path = folder / entry.name
        if _is_folder(entry):
            yield from pictures_below(path)
        elif path.suffix.lower() in PICTURE_SUFFIXES:
            yield path


def _from_folder(folder: Path, label: str | None) -> Iterator[Item]:
    for entry in _sorted_entries(folder):
        path = folder / entry.name
        if _is_folder(entry):
            for picture in pictures_below(path):
                yield _file_item(picture, label or text_of(entry.name))
        elif path.suffix.lower() in PICTURE_SUFFIXES:
            yield _file_item(path, label or text_of(path.stem))


def _sorted_entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise ImageError(describe_source(folder), f"the folder can't be read: {error}") from None
    return sorted(visible, key=lambda entry: os.fsencode(entry.name))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False) or (
            entry.is_symlink() and entry.is_dir() and not _leads_back(entry)
        )
    except OSError:
        return False


def _leads_back(entry: os.DirEntry[str]) -> bool:
    """Whether a link to a folder leads to one that holds the link, which would never end."""
    target = Path(entry.path).resolve()
    return target in Path(entry.path).parent.resolve().joinpath("x").parents


def _file_item(path: Path, label: str) -> Item:
    absolute = path.absolute()
    return Item(label=label, image=absolute, source=describe_source(absolute))


def _from_manifest(path: Path | RemoteFile, label: str | None) -> Iterator[Item]:
    for row in read_manifest(path):
        picture: Path | RemoteFile
        if isinstance(path, RemoteFile):
            picture = path.resolve(row.path)
        elif is_remote(row.path):
            picture = RemoteFile.at(row.path)
        else:
            picture = (path.parent / row.path).absolute()
        yield Item(label or row.label, picture, describe_source(picture), row.attributes)


def _from_store(place: RemoteFile, label: str | None) -> Iterator[Item]:
    if place.is_file():
        if place.suffix.lower() in MANIFEST_SUFFIXES:
            yield from _from_manifest(place, label)
        else:
            yield Item(label or text_of(place.stem), place, place.name)
        return
    for entry, is_file in place.entries():
        if is_file:
            if entry.suffix.lower() in PICTURE_SUFFIXES:
                yield Item(label or text_of(entry.stem), entry, entry.name)
            continue
        for picture in _pictures_in(entry):
            yield Item(label or text_of(entry.base), picture, picture.name)


def _pictures_in(prefix: RemoteFile) -> Iterator[RemoteFile]:
    for entry, is_file in prefix.entries():
        if not is_file:
            yield from _pictures_in(entry)
        elif entry.suffix.lower() in PICTURE_SUFFIXES:
            yield entry


def _from_iterable(entries: Iterable[Any], label: str | None) -> Iterator[Item]:
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry, Item):
            yield entry if label is None else replace(entry, label=label)
            continue
        if not isinstance(entry, tuple) or len(entry) not in (2, 3):
            raise ManifestError(
                f"entry {number}: expected (label, image) or (label, image, attributes), "
                f"but got {type(entry).__name__}"
            )
        yield item_of(label or entry[0], entry[1], entry[2] if len(entry) == 3 else {})

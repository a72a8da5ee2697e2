"""What a bulk enrolment reads: folders, manifests and iterables, as one stream of items.

What lies in an object store is listed by its address (`engine.bulk.remote`), like a folder or a
manifest of this machine; see `engine.bulk.folders` and `engine.bulk.manifests`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..boxes import Crop
from ..errors import ImageError, ManifestError
from ..images import ImageSource, cropped, describe_source, is_data_url
from .folders import Place, pictures_by_class
from .manifests import annotations_in, is_manifest, read_manifest
from .notes import ListingNotes
from .remote import RemoteFile, is_remote


@dataclass(frozen=True, slots=True)
class Item:
    """One picture to enroll.

    Attributes:
        label: the class it shows.
        image: where its pixels are, or those of the part that shows it.
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


def items(
    source: Source, *, label: str | None = None, notes: ListingNotes | None = None
) -> Iterator[Item]:
    """List what `source` holds, lazily, in a stable order.

    Args:
        source: a folder, a manifest (`.csv`, `.jsonl`, `.parquet`; COCO's `.json`, YOLO's
            `.yaml`), a picture, the address of one
            of these in an object store (`s3://bucket/prefix`), or an iterable of
            `(label, image)`, `(label, image, attributes)` or `Item`s.
        label: the class of every picture; by default each picture's name or row says it.
        notes: takes what is noticed on the way, such as files that are passed over.

    Raises:
        ImageError: there is nothing at that path.
        ManifestError: the manifest can't be read, or a row of it is at fault; or the iterable
            holds something else than the tuples above.
    """
    noticed = ListingNotes() if notes is None else notes
    if not isinstance(source, str | os.PathLike):
        return _from_iterable(source, label)
    if isinstance(source, str) and is_remote(source):
        return _from_store(RemoteFile.at(source), label, noticed)
    path = Path(source)
    if path.is_dir():
        annotations = annotations_in(path)
        if annotations:
            return _from_annotations(annotations, label, noticed)
        return _from_folder(path, label, noticed)
    if is_manifest(path.name) and path.is_file():
        return _from_manifest(path, label, noticed)
    if not path.exists():
        raise ImageError(describe_source(path), "there is no such file or folder")
    return iter([_place_item(path, label or text_of(path.stem))])


def item_of(label: str, image: ImageSource, attributes: Mapping[str, Any]) -> Item:
    """One picture as an item; a path becomes absolute, so that it names the file for good."""
    whole = image.image if isinstance(image, Crop) else image
    if isinstance(whole, str) and is_remote(whole):
        whole = RemoteFile.at(whole)
    elif isinstance(whole, os.PathLike) or (isinstance(whole, str) and not is_data_url(whole)):
        whole = Path(whole).absolute()
    image = Crop(whole, image.box) if isinstance(image, Crop) else whole
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


def _from_folder(root: Place, label: str | None, notes: ListingNotes) -> Iterator[Item]:
    for name, place in pictures_by_class(root, notes):
        yield _place_item(place, label or text_of(name))


def _from_annotations(
    files: Sequence[Path], label: str | None, notes: ListingNotes
) -> Iterator[Item]:
    for file in files:
        notes.remarks.append(
            f"{file}: was taken for the annotations of its folder's pictures, so that boxes are "
            "enrolled, not files; to enroll files, give a manifest, or the folder that holds them"
        )
        yield from _from_manifest(file, label, notes)


def _place_item(place: Place, label: str) -> Item:
    if isinstance(place, RemoteFile):
        return Item(label, place, place.name)
    absolute = place.absolute()
    return Item(label=label, image=absolute, source=describe_source(absolute))


def _from_manifest(path: Place, label: str | None, notes: ListingNotes) -> Iterator[Item]:
    for row in read_manifest(path, notes):
        picture: Place
        if isinstance(path, RemoteFile):
            picture = path.resolve(row.path)
        elif is_remote(row.path):
            picture = RemoteFile.at(row.path)
        else:
            picture = _local_path(path.parent, row.path)
        image = cropped(picture, row.box)
        yield Item(label or row.label, image, describe_source(image), row.attributes)


def _local_path(folder: Path, path: str) -> Path:
    """What a manifest in a folder means by a path; written on Windows, it may have backslashes."""
    place = (folder / path).absolute()
    if "\\" in path and os.sep == "/" and not place.exists():
        return (folder / path.replace("\\", "/")).absolute()
    return place


def _from_store(place: RemoteFile, label: str | None, notes: ListingNotes) -> Iterator[Item]:
    if not place.is_file():
        yield from _from_folder(place, label, notes)
    elif is_manifest(place.base):
        yield from _from_manifest(place, label, notes)
    else:
        yield _place_item(place, label or text_of(place.stem))


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

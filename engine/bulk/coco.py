"""COCO annotations: pictures with boxes, each of a category, which names the class.

The format: https://cocodataset.org/#format-data. A box is `[left, top, width, height]` in pixels.
Crowds (`iscrowd`) and boxes of less than two pixels are left out, and counted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from ..boxes import Box
from ..errors import ManifestError, SettingsError
from .notes import ListingNotes
from .remote import RemoteFile
from .rows import ManifestRow, shown

_LOOKED_FOR = 8
"""Pictures by which the folder that paths count from is found."""

_LEAST = 2.0


def coco_rows(path: Path | RemoteFile, notes: ListingNotes) -> Iterator[ManifestRow]:
    """The boxes of an annotation file, in its order.

    Raises:
        ManifestError: it is none, or an entry is at fault.
    """
    told = _read(path)
    images = {_id(path, "images", each): each for each in told["images"]}
    names = {_id(path, "categories", each): each.get("name") for each in told["categories"]}
    place = _place(path, [str(each.get("file_name", "")) for each in told["images"]])
    crowds = specks = 0
    for annotation in told["annotations"]:
        where = f"{path}, annotation {annotation.get('id', '?')}"
        image = _named(images, annotation.get("image_id"))
        if image is None or not isinstance(image.get("file_name"), str):
            raise ManifestError(
                f"{where}: names the image {shown(annotation.get('image_id'))}, which isn't among "
                "the file's images, or has no file_name"
            )
        label = _named(names, annotation.get("category_id"))
        if not isinstance(label, str) or not label.strip():
            raise ManifestError(
                f"{where}: names the category {shown(annotation.get('category_id'))}, which isn't "
                "among the file's categories, or has no name"
            )
        left, top, width, height = _sides(where, annotation.get("bbox"))
        if annotation.get("iscrowd"):
            crowds += 1
        elif min(width, height) < _LEAST:
            specks += 1
        else:
            try:
                box = Box.of((left, top, left + width, top + height))
            except SettingsError as error:
                raise ManifestError(f"{where}: {error}") from None
            yield ManifestRow(os.path.normpath(place / image["file_name"]), label, {}, box)
    if crowds or specks:
        notes.remarks.append(
            f"{path}: passed over: {crowds:,} crowds, {specks:,} boxes of less than "
            f"{_LEAST:.0f} pixels"
        )


def coco_files(folder: Path) -> list[Path]:
    """The annotations that exports put beside the pictures of a data set, or of its parts."""
    name = "_annotations.coco.json"
    return [folder / name] if (folder / name).is_file() else sorted(folder.glob(f"*/{name}"))


def _read(path: Path | RemoteFile) -> Mapping[str, list[dict[str, Any]]]:
    try:
        with path.open("rb") as file:
            told = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise ManifestError(f"{path}: can't be read as JSON: {error}") from None
    parts = ("images", "annotations", "categories")
    if not isinstance(told, dict) or not all(
        isinstance(told.get(part), list) and all(isinstance(each, dict) for each in told[part])
        for part in parts
    ):
        raise ManifestError(
            f"{path}: expected COCO annotations, a JSON object with the lists {', '.join(parts)}; "
            "a manifest of one JSON object a line ends in .jsonl"
        )
    return told


def _id(path: Path | RemoteFile, part: str, entry: Mapping[str, Any]) -> int | str:
    value = entry.get("id")
    if not isinstance(value, int | str):
        raise ManifestError(f"{path}: expected an id in each of {part}, but got {shown(entry)}")
    return value


def _named(entries: Mapping[int | str, Any], key: object) -> Any:
    return entries.get(key) if isinstance(key, int | str) else None


def _sides(where: str, bbox: object) -> tuple[float, float, float, float]:
    try:
        left, top, width, height = map(float, bbox)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise ManifestError(
            f"{where}: expected a bbox of left, top, width and height, but got {shown(bbox)}"
        ) from None
    return left, top, width, height


def _place(path: Path | RemoteFile, names: list[str]) -> PurePath:
    """The folder that file names count from: in an object store, that of the annotation file.

    Raises:
        ManifestError: none of the first pictures is where data sets have them.
    """
    if isinstance(path, RemoteFile):
        return PurePosixPath()
    folder, split = path.absolute().parent, path.stem.rpartition("_")[2]
    inner = ("", "images", split, f"images/{split}")
    places = [above / place for above in (folder, folder.parent) for place in inner]
    first = [name for name in names[:_LOOKED_FOR] if name]
    for place in places:
        if any((place / name).is_file() for name in first):
            return place
    if not first:
        return folder
    tried = ", ".join(str(place) for place in places[:5])
    raise ManifestError(
        f"{path}: its pictures aren't there: looked for {shown(first[0])} in {tried} and the like; "
        "put the file beside them"
    )

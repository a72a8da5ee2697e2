"""YOLO annotations: beside each picture a text file, a line of numbers for each thing in it.

A line is `class x y width height`, the box's centre and size in shares of the picture's sides, or
`class x y x y ...`, an outline. What the classes are called says a `data.yaml` (`names`), or a
`classes.txt` with a name a line. The labels of `images/a.jpg` lie in `labels/a.txt`, or beside it.
The format: https://docs.ultralytics.com/datasets/detect/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..boxes import Box
from ..errors import ManifestError, SettingsError
from ..slim import needing
from .folders import PICTURE_SUFFIXES, pictures_below
from .notes import ListingNotes
from .rows import ManifestRow, shown

SPLITS = ("train", "val", "valid", "test")
_LEAST = 1e-4
_MOST_TEXT = 1 << 24


def yolo_rows(path: Path, notes: ListingNotes) -> Iterator[ManifestRow]:
    """The boxes of a data set, picture by picture.

    Args:
        path: its `.yaml` or its names, one a line.

    Raises:
        ManifestError: it can't be read, or a line of labels is at fault.
    """
    names, pictures = _described(path) if _is_yaml(path) else _listed(path)
    bare = specks = 0
    for picture in pictures:
        labels = _labels_of(picture)
        if labels is None:
            bare += 1
            continue
        for number, line in enumerate(_text(labels).splitlines(), start=1):
            if not line.strip():
                continue
            where = f"{labels}, line {number}"
            key, sides = _parsed(where, line)
            if key not in names:
                raise ManifestError(
                    f"{where}: names the class {key}, but {path} names {len(names)}: {shown(names)}"
                )
            left, top, right, bottom = (min(max(side, 0.0), 1.0) for side in sides)
            if min(right - left, bottom - top) < _LEAST:
                specks += 1
                continue
            yield ManifestRow(str(picture), names[key], {}, _box(where, left, top, right, bottom))
    if bare or specks:
        notes.remarks.append(
            f"{path}: passed over: {bare:,} pictures without labels, {specks:,} boxes that enclose "
            "nothing"
        )


def yolo_file(folder: Path) -> Path | None:
    """What describes the data set in a folder; None where it holds none."""
    for name in ("data.yaml", "data.yml", "dataset.yaml"):
        if (folder / name).is_file() and isinstance(_yaml(folder / name).get("names"), list | dict):
            return folder / name
    names = folder / "classes.txt"
    if not names.is_file():
        return None
    return names if any(map(_labels_of, pictures_below(folder))) else None


def _described(path: Path) -> tuple[Mapping[int, str], Iterator[Path]]:
    """The names of a `.yaml`'s classes, and its pictures."""
    told = _yaml(path)
    names = told.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not all(
        isinstance(key, int) and isinstance(name, str | int | float) for key, name in names.items()
    ):
        raise ManifestError(
            f"{path}: expected the classes of a YOLO data set under `names`, but got {shown(names)}"
        )
    places = [_place(path, told, part) for split in SPLITS for part in _parts(told.get(split))]
    return {key: str(name) for key, name in names.items()}, _pictures(path, places or [path.parent])


def _listed(path: Path) -> tuple[Mapping[int, str], Iterator[Path]]:
    """The names that a text file lists, and the pictures below its folder."""
    lines = [line.strip() for line in _text(path).splitlines()]
    return {n: name for n, name in enumerate(lines) if name}, _pictures(path, [path.parent])


def _parts(value: object) -> list[str]:
    return [str(part) for part in (value if isinstance(value, list) else [value]) if part]


def _place(path: Path, told: Mapping[str, Any], part: str) -> Path:
    """Where a split's pictures lie: from the data set's root, or where exports really put them."""
    root = path.parent / str(told.get("path") or "")
    tried = [root / part, path.parent / part, path.parent / part.removeprefix("../")]
    for place in tried:
        if place.exists():
            return place
    raise ManifestError(
        f"{path}: its pictures {shown(part)} aren't there: looked in "
        f"{', '.join(str(place) for place in dict.fromkeys(tried))}"
    )


def _pictures(path: Path, places: list[Path]) -> Iterator[Path]:
    """Every picture once: of folders, and of text files that list paths."""
    seen: set[Path] = set()
    for place in places:
        if place.is_file() and place.suffix.lower() not in PICTURE_SUFFIXES:
            lines = (line.strip() for line in _text(place).splitlines())
            listed: Iterable[Path] = (place.parent / line for line in lines if line)
        else:
            listed = pictures_below(place) if place.is_dir() else [place]
        for picture in listed:
            absolute = picture.absolute()
            if absolute not in seen:
                seen.add(absolute)
                yield absolute
    if not seen:
        raise ManifestError(f"{path}: lists no pictures")


def _labels_of(picture: Path) -> Path | None:
    """The file of a picture's labels, if there is one."""
    parts = list(picture.parts)
    beside = picture.with_suffix(".txt")
    if "images" in parts[:-1]:
        place = len(parts) - 2 - parts[-2::-1].index("images")
        parts[place] = "labels"
        labels = Path(*parts).with_suffix(".txt")
        if labels.is_file():
            return labels
    return beside if beside.is_file() else None


def _parsed(where: str, line: str) -> tuple[int, tuple[float, float, float, float]]:
    """A line's class, and its box's left, top, right and bottom."""
    try:
        key, *numbers = line.split()
        values = [float(number) for number in numbers]
        if len(values) in (4, 5):  # the fifth is how sure a detector was
            x, y, width, height = values[:4]
            return int(key), (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        if len(values) >= 6 and len(values) % 2 == 0:
            across, down = values[::2], values[1::2]
            return int(key), (min(across), min(down), max(across), max(down))
    except ValueError:
        pass
    raise ManifestError(
        f"{where}: expected `class x y width height` or `class x y x y x y ...`, but got "
        f"{shown(line)}"
    )


def _box(where: str, left: float, top: float, right: float, bottom: float) -> Box:
    try:
        return Box.of((left, top, right, bottom))
    except SettingsError as error:
        raise ManifestError(f"{where}: {error}") from None


def _is_yaml(path: Path) -> bool:
    return path.suffix.lower() in (".yaml", ".yml")


def _yaml(path: Path) -> Mapping[str, Any]:
    with needing("a YOLO data set's .yaml"):
        import yaml

    try:
        told = yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        raise ManifestError(
            f"{path}: can't be read as YAML: {' '.join(str(error).split())}"
        ) from None
    return told if isinstance(told, dict) else {}


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_TEXT:
            raise ManifestError(f"{path}: is larger than {_MOST_TEXT >> 20} MiB, unlike labels")
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise ManifestError(f"{path}: can't be read: {error}") from None

"""The pictures in folders, on this machine or in an object store, and the classes they are of.

A picture's class is named by the first folder below the root, or, where it lies in the root itself,
by its own name without the ending. Where the folders of the root are the parts of a data set
(`train`, `val`), the folders in them name the classes.

Passed over are hidden files and folders, those that systems make for themselves, and files whose
names don't end like a picture's; the last are counted. Links to folders are followed after all
else, each folder once, unless it is listed by itself: so a picture that is reached by two ways is
of the class that its own folder names, and links in a ring end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import ImageError
from ..images import describe_source
from .notes import ListingNotes
from .remote import RemoteFile

PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"}
    | {".avif", ".heic", ".heif"}
)
SYSTEM_FOLDERS = frozenset(
    {
        "@eadir", "#recycle", "#snapshot", "@tmp",  # Synology
        "@recycle", "@__thumb", "@recently-snapshot",  # QNAP
        "__macosx",  # archives made on macOS
        "$recycle.bin", "system volume information",  # Windows
        "lost+found",
    }
)  # fmt: skip
"""In lower case; hidden ones, such as `.thumbnails`, are passed over anyway."""
SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
PARTS = frozenset(
    {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"}
    | {"evaluation", "holdout"}
)
"""What the parts of a data set are called, in lower case."""

Place = Path | RemoteFile


@dataclass(frozen=True, slots=True)
class _Entry:
    """Something in a folder: `kind` is `file`, `folder` or, of a link to a folder, `link`."""

    name: str
    place: Place
    kind: str

    @property
    def is_picture(self) -> bool:
        return self.kind == "file" and self.place.suffix.lower() in PICTURE_SUFFIXES


def pictures_by_class(root: Place, notes: ListingNotes) -> Iterator[tuple[str, Place]]:
    """Every picture with the name of its class, in a stable order.

    Raises:
        ImageError: a folder can't be read.
    """
    entries = _entries(root)
    classes = [entry for entry in entries if entry.kind != "file"]
    if parts := _parts(entries):
        classes = [inner for part in parts for inner in _entries(part.place)]
        names = ", ".join(part.name for part in parts)
        notes.remarks.append(
            f"{_text(root)}: its folders ({names}) were taken for the parts of a data set, so that "
            "the folders in them name the classes; to enroll one part only, give its folder, and "
            "if they are classes themselves, list the pictures in a manifest"
        )
    walk = _Walk(root, notes)
    barren: dict[str, str] = {}
    for entry in entries if not parts else classes:
        if entry.kind == "file":
            if walk.takes(entry):
                yield entry.place.stem, entry.place
        elif entry.kind == "link":
            walk.links.append((entry.name, entry.place))
        else:
            empty = True
            for picture in walk.below(entry.place, entry.name):
                empty = False
                yield entry.name, picture
            if empty:
                barren.setdefault(entry.name, _text(entry.place))
    for name, picture in walk.linked():
        barren.pop(name, None)
        yield name, picture
    for folder in barren.values():
        notes.name_barren(folder)


def pictures_below(folder: Path) -> Iterator[Path]:
    """The paths of all pictures in a folder and the folders below it, in a stable order.

    Raises:
        ImageError: a folder can't be read.
    """
    walk = _Walk(folder, ListingNotes())
    for picture in walk.below(folder, ""):
        assert isinstance(picture, Path)
        yield picture
    for _, picture in walk.linked():
        assert isinstance(picture, Path)
        yield picture


class _Walk:
    """One way through a root, which remembers the links that it passed."""

    def __init__(self, root: Place, notes: ListingNotes) -> None:
        self._root = root
        self._notes = notes
        self.links: list[tuple[str, Place]] = []
        self._entered: set[tuple[int, int]] = set()  # the folders behind links

    def takes(self, entry: _Entry) -> bool:
        """Whether a file is a picture; counted if it isn't."""
        if not entry.is_picture:
            self._notes.passed_over[entry.place.suffix.lower()] += 1
        return entry.is_picture

    def below(self, folder: Place, name: str, *, once: bool = False) -> Iterator[Place]:
        """All pictures in a folder and below it, without those behind links.

        Args:
            once: leave out folders that were entered by another way, by device and inode.
        """
        if once and not _enter(folder, self._entered):
            return
        for entry in _entries(folder):
            if entry.kind == "folder":
                yield from self.below(entry.place, name, once=once)
            elif entry.kind == "link":
                self.links.append((name, entry.place))
            elif self.takes(entry):
                yield entry.place

    def linked(self) -> Iterator[tuple[str, Place]]:
        """What lies behind the links that were passed, and behind those that are passed then.

        Those nearest to the root come first: one in the root itself names a class.
        """
        root = Path(str(self._root)).resolve()
        self.links.sort(key=lambda passed: len(Path(str(passed[1])).parts))
        while self.links:
            name, link = self.links.pop(0)
            if not _lists_itself(root, Path(str(link)).resolve()):
                for picture in self.below(link, name, once=True):
                    yield name, picture


def _lists_itself(root: Path, target: Path) -> bool:
    """Whether a folder is the root, holds it, or lies in it and isn't passed over there."""
    if target == root or target in root.parents:
        return True
    if root not in target.parents:
        return False
    return not any(_is_passed_over(name) for name in target.relative_to(root).parts)


def _enter(folder: Place, entered: set[tuple[int, int]]) -> bool:
    """Whether a folder is there and is entered for the first time."""
    try:
        status = Path(str(folder)).stat()
    except OSError:
        return False
    key = (status.st_dev, status.st_ino)
    if key in entered:
        return False
    entered.add(key)
    return True


def _parts(entries: list[_Entry]) -> list[_Entry]:
    """The folders of a root, if all are parts of a data set with folders of classes in them."""
    folders = [entry for entry in entries if entry.kind == "folder"]
    if not folders or len(folders) < len([e for e in entries if e.kind != "file" or e.is_picture]):
        return []
    if not all(folder.name.lower() in PARTS for folder in folders):
        return []
    inner = [entry for folder in folders for entry in _entries(folder.place)]
    if any(entry.is_picture for entry in inner) or all(e.kind == "file" for e in inner):
        return []
    return folders


def _entries(folder: Place) -> list[_Entry]:
    """What is visible in a folder, in order of the names' bytes."""
    if isinstance(folder, RemoteFile):
        return [
            _Entry(place.base, place, "file" if is_file else "folder")
            for place, is_file in folder.entries()
            if not _is_passed_over(place.base)
        ]
    try:
        with os.scandir(folder) as found:
            visible = [entry for entry in found if not _is_passed_over(entry.name)]
    except OSError as error:
        raise ImageError(describe_source(folder), f"the folder can't be read: {error}") from None
    visible.sort(key=lambda entry: os.fsencode(entry.name))
    return [_Entry(entry.name, folder / entry.name, _kind(entry)) for entry in visible]


def _kind(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        return "link" if entry.is_symlink() and entry.is_dir() else "file"
    except OSError:
        return "file"


def _is_passed_over(name: str) -> bool:
    return name.startswith(".") or name.lower() in SYSTEM_FOLDERS or name.lower() in SYSTEM_FILES


def _text(place: Place) -> str:
    return place.name if isinstance(place, RemoteFile) else describe_source(place)

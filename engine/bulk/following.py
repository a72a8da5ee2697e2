"""Following a source whose pictures were moved, renamed or relabelled since it was enrolled.

What a gallery knows of a picture's place is text: where it lay, and which source listed it. Here is
looked up what became of those places, so that enrolling a source again makes the gallery equal to
what it lists now. A place that can't be looked at counts as unchanged.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path

from ..boxes import split_source
from ..errors import ImageError
from ..gallery import Gallery, Listing
from ..images import content_hash, cropped
from .manifests import is_manifest
from .remote import RemoteFile, is_remote
from .sources import Item

PEEKED = 32
"""Pictures of a source by which it is known again after it was moved."""


def listing_of(origin: str | None, store: RemoteFile | None) -> Listing:
    """What a run knows of the source that it enrolls.

    Args:
        origin: what names the source across runs.
        store: where it lies, if that is an object store.
    """
    return Listing(origin, holds=partial(still_holds, store=store), exists=cache(is_there))


def still_holds(source: str, digest: str, *, store: RemoteFile | None = None) -> bool:
    """Whether a source, as text, is still a picture of that content hash, as far as can be told."""
    place, box = split_source(source)
    try:
        if is_remote(place):
            if store is None:
                return True
            there = store.resolve(place)
            return there.exists() and content_hash(cropped(there, box)) == digest
        return is_there(place) and (
            not _can_be_looked_up(place) or content_hash(cropped(Path(place), box)) == digest
        )
    except ImageError:
        return True


def is_there(place: str) -> bool:
    """Whether a file or folder, as text, is there; true of what can't be looked up."""
    if not _can_be_looked_up(place):
        return True
    try:
        Path(place).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True


def follow_moved(gallery: Gallery, origin: str | None, items: Iterable[Item]) -> Iterator[Item]:
    """The items of a source, once the gallery knows where they lie if the source was moved as such.

    It was, if the gallery knows nothing by its name, but something else by the same relative path,
    label and content whose source is no longer there.
    """
    listed = iter(items)
    if origin is None or not _can_be_looked_up(origin):
        return listed
    known = gallery.catalog.ask(lambda read: read.examples.origins())
    if origin in known:
        return listed
    gone = [other for other in known if not is_there(other)]
    first = list(islice(listed, PEEKED)) if gone else []
    for other in gone:
        folders = _folder_of(other), _folder_of(origin)
        if _lists_the_same(gallery, first, _moved(folders)):
            gallery.examples.move_origin(other, origin, folders)
    return chain(first, listed)


def _lists_the_same(
    gallery: Gallery, items: Iterable[Item], formerly: Callable[[str], str]
) -> bool:
    """Whether one of the items is enrolled from where it would have lain."""
    asked = {(item.label, formerly(item.source)): item for item in items}
    for key, examples in gallery.examples.of_sources(list(asked)).items():
        try:
            digest = content_hash(asked[key].image)
        except ImageError:
            continue
        if any(known == digest for _, known in examples):
            return True
    return False


def _moved(folders: tuple[str, str]) -> Callable[[str], str]:
    """Where a source lay before its folder, the second, was moved from where the first was."""
    before, now = (folder.rstrip(os.sep) + os.sep for folder in folders)

    def formerly(source: str) -> str:
        return before + source.removeprefix(now) if source.startswith(now) else source

    return formerly


def _folder_of(origin: str) -> str:
    """From where the relative paths of a source count: a folder itself, a manifest's folder."""
    place = Path(origin)
    return str(place.parent if is_manifest(place.name) else place)


def _can_be_looked_up(place: str) -> bool:
    """Whether a text is a path of this machine; names that aren't UTF-8 are kept with escapes."""
    return Path(place).is_absolute() and "\\x" not in place

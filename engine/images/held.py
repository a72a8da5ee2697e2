"""Decoded pictures that are held on to, for what may yet be asked of them.

Most queries are settled by one embedding, and what else would be made of their pictures costs as
much as decoding them. A picture takes far more memory than what is made of it, though, and many may
wait at a time: so pictures of `ROOM` pixels in all are held on to.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TypeVar

from PIL import Image

ROOM = 24_000_000
"""Pixels, four bytes each."""

T = TypeVar("T")


class HeldPicture:
    """A picture, held on to if there is room for it, until nothing refers to this any more.

    Args:
        picture: upright; nobody changes it meanwhile.
    """

    def __init__(self, picture: Image.Image) -> None:
        self._picture = picture
        self._held = _room.takes(self, picture.width * picture.height)

    def later(self, make: Callable[[Image.Image], T]) -> Callable[[], T]:
        """What gives what `make` makes of the picture: when that is first asked for, or at once
        where there was no room. May be asked once."""
        if self._held:
            return lambda: make(self._picture)
        made = make(self._picture)
        return lambda: made


class _Room:
    """Counts the pixels that are held on to; shared by threads.

    A picture may be let go of at any time, within this too, so its pixels are noted without a lock.
    """

    def __init__(self, pixels: int) -> None:
        self._free = pixels
        self._left: list[int] = []
        self._counting = threading.Lock()

    def takes(self, holder: HeldPicture, pixels: int) -> bool:
        """Whether there is room; if so, it is taken until the holder is gone."""
        with self._counting:
            while self._left:
                self._free += self._left.pop()
            if pixels > self._free:
                return False
            self._free -= pixels
        weakref.finalize(holder, self._left.append, pixels).atexit = False
        return True


_room = _Room(ROOM)

"""Whether the service can do what it promises: looked at each second, so that asking costs nothing.

Not ready is who would answer wrongly or not at all: the gallery is gone, or another lies in its
place that isn't served yet, a thread that recognises is gone. A database that is away, or a disk
that is full, is a problem that is said; recognition goes on from memory, so the service stays
ready. Anybody may ask, so what is answered names no place; the log does.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from ..errors import OnelookError
from ..gallery import GalleryFolder
from ..gallery.location import DATABASE_NAME
from .served import Served

LOGGER = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
SILENT_SECONDS = 15.0
_GONE = "the gallery was moved or deleted"
_REPLACED = "the gallery was replaced, and what lies in its place isn't served yet"
_UNREADABLE = "the gallery's database can't be read"


class Readiness:
    """Looks at the gallery's place in a thread of its own, until it is closed."""

    def __init__(self, served: Served) -> None:
        self._served = served
        location = served.recognizer.gallery.location
        self._database = (
            location.path / DATABASE_NAME if isinstance(location, GalleryFolder) else None
        )
        self._identity = _identity(self._database)
        self._fatal: tuple[str, ...] = ()
        self._problems: tuple[str, ...] = ()
        self._looked = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="onelook-ready", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    @property
    def fatal(self) -> tuple[str, ...]:
        """Why the service shouldn't be asked, or nothing."""
        return self._fatal

    @property
    def problems(self) -> tuple[str, ...]:
        """What doesn't work at the moment, though recognition does."""
        if time.monotonic() - self._looked > SILENT_SECONDS:
            return (*self._problems, "the gallery's database doesn't answer")
        return self._problems

    def _look_on(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self._look()
            self._looked = time.monotonic()

    def _look(self) -> None:
        there = _identity(self._database)
        if self._database is not None and there is None:
            self._refuse(_GONE)
            return
        try:
            served = self._served_now()
        except OnelookError as error:
            if not self._problems:
                LOGGER.error("the gallery's database can't be read: %s", error)
            self._problems, served = (_UNREADABLE,), False
        else:
            self._problems = ()
        if there == self._identity:
            self._fatal = ()
        elif served:
            LOGGER.warning("%s was replaced; what lies there now is served", self._database)
            self._identity, self._fatal = there, ()
        else:
            self._refuse(_REPLACED)

    def _refuse(self, why: str) -> None:
        if self._fatal != (why,):
            LOGGER.error("%s: %s", self._database, why)
        self._fatal = (why,)

    def _served_now(self) -> bool:
        """Whether recognition goes by what lies in the gallery's place.

        Raises:
            OnelookError: that can't be read.
        """
        recognizer = self._served.recognizer
        state = recognizer.gallery.catalog.state()
        snapshot = recognizer.gallery.snapshot()  # follows into another file, too
        return snapshot.commit == state.commit and state.space.id == recognizer.backbone.space.id


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Which file that is, whatever it is called."""
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino

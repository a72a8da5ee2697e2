"""Whether the service can do what it promises: looked at each second, so that asking costs nothing.

Not ready is who would answer wrongly or not at all: the gallery's folder is another one, a thread
that recognises is gone. A database that is away, or a disk that is full, is a problem that is said;
recognition goes on from memory, so the service stays ready. Anybody may ask, so what is answered
names no place; the log does.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from engine.errors import OnelookError
from engine.gallery import GalleryFolder
from engine.gallery.location import DATABASE_NAME
from engine.server.served import Served

LOGGER = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
SILENT_SECONDS = 15.0
_GONE = "moved, deleted or replaced; start the service again"


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
            self._look_at_place()
            self._look_at_database()
            self._looked = time.monotonic()

    def _look_at_place(self) -> None:
        if _identity(self._database) == self._identity:
            self._fatal = ()
            return
        if not self._fatal:
            LOGGER.error("%s is not the file that is served: it was %s", self._database, _GONE)
        self._fatal = (f"the gallery was {_GONE}",)

    def _look_at_database(self) -> None:
        try:
            self._served.recognizer.gallery.catalog.state()
        except OnelookError as error:
            if not self._problems:
                LOGGER.error("the gallery's database can't be read: %s", error)
            self._problems = ("the gallery's database can't be read",)
        else:
            self._problems = ()


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Which file that is, whatever it is called."""
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino

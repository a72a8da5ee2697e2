"""Pictures that come to a folder, each once it is whole."""

from __future__ import annotations

import time
from pathlib import Path

from ..bulk.folders import pictures_below

SETTLE_SECONDS = 1.0
_Version = tuple[int, int, int]


class Arrivals:
    """The pictures that come to a folder and the folders below it, as `pictures_below` lists them.

    A file is whole when it was last written to some time ago, as one that was moved in mostly was;
    or, lest the clock of another machine decide, when it has looked the same for as long. An empty
    one never is. A file that changes later comes again. One thread calls.

    Args:
        folder: where to look.
        existing: whether what is there already counts.
        settle: for how many seconds a file must be at rest.

    Raises:
        ImageError: the folder can't be read.
    """

    def __init__(
        self, folder: Path, *, existing: bool = False, settle: float = SETTLE_SECONDS
    ) -> None:
        self._folder = folder
        self._settle = settle
        self._known: dict[Path, _Version] = {}
        self._growing: dict[Path, tuple[_Version, float]] = {}
        if not existing:
            self.look()

    def look(self) -> list[Path]:
        """What has come since the last look, the oldest first.

        Raises:
            ImageError: the folder can't be read; what was known of it still is.
        """
        there = self._listed()
        self._known = {path: self._known[path] for path in there if path in self._known}
        fresh = {path: each for path, each in there.items() if self._known.get(path) != each}
        now = time.monotonic()
        growing = {}
        for path, version in fresh.items():
            former, since = self._growing.get(path, (None, now))
            growing[path] = (version, since if version == former else now)
        whole = {path for path, (version, since) in growing.items() if self._whole(version, since)}
        self._growing = {path: each for path, each in growing.items() if path not in whole}
        self._known |= {path: fresh[path] for path in whole}
        return sorted(whole, key=lambda path: (fresh[path][1], path))

    def _listed(self) -> dict[Path, _Version]:
        found = {}
        for path in pictures_below(self._folder):
            try:
                about = path.stat()
            except OSError:  # it has gone again, or may not be looked at
                continue
            found[path] = (about.st_size, about.st_mtime_ns, about.st_ino)
        return found

    def _whole(self, version: _Version, since: float) -> bool:
        size, written, _ = version
        rested = time.time() - written / 1e9
        return size > 0 and max(rested, time.monotonic() - since) >= self._settle

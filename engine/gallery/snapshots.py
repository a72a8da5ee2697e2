"""When the index's snapshot is read, written and thrown away.

The snapshot is a cache of what the catalog holds. It is written when a process has gathered enough
changes, by whoever gets its lock, never by every enrolment; and it is thrown away at once when an
example is removed, so that no file goes on holding the vector.
"""

from __future__ import annotations

import logging
from pathlib import Path

from filelock import FileLock, Timeout

from engine.catalog import Catalog
from engine.gallery.view import View

LOGGER = logging.getLogger(__name__)
CHANGED_SHARE = 0.05
SMALL_INDEX = 2000


class Snapshots:
    """The snapshot file of one gallery.

    Args:
        path: where it lies.
        writable: whether it may be written and removed.
    """

    def __init__(self, path: Path, *, writable: bool) -> None:
        self._path = path
        self._writable = writable

    def load(self, catalog: Catalog) -> View:
        """Copy the catalog into memory, by way of the snapshot where it can be trusted.

        One that can't be is written anew, and so is a missing one that took time to do without.
        """
        view = View.load(catalog, self._path)
        if view.snapshot_generation < 0 and (self._path.exists() or len(view.index) >= SMALL_INDEX):
            self.save(view)
        return view

    def save_if_worthwhile(self, view: View) -> None:
        """Save when there is no snapshot, or it is well behind."""
        behind = view.additions + view.removals
        if view.snapshot_generation < 0 or behind > CHANGED_SHARE * len(view.index):
            self.save(view)

    def save(self, view: View) -> None:
        """Save, unless another process is at it; a failure costs only the next opening's time."""
        if not self._writable or view.snapshot_generation == view.generation:
            return
        try:
            with FileLock(f"{self._path}.lock", timeout=0):
                view.save(self._path)
        except Timeout:
            return
        except OSError as error:
            LOGGER.warning("%s: the index's snapshot could not be written: %s", self._path, error)

    def discard(self) -> None:
        """Remove the file; the next opening reads the catalog."""
        if self._writable:
            self._path.unlink(missing_ok=True)

"""An index in the memory of each process, and the file that spares the next opening reading it all.

The file is a cache of what the catalog holds. It is written when a process has gathered enough
changes, by whoever gets its lock, never by every enrolment; and it is thrown away at once when an
example is removed, so that no file goes on holding the vector.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from ...catalog import Catalog, Commit, GalleryState
from ...indexes import IndexFileError, SketchedIndex, load_index, save_index
from ...projections import Projection
from ...types import Change, ChangeKind, IntArray, Space

LOGGER = logging.getLogger(__name__)
LOAD_BATCH = 4096
PRIVATE = 0o600
CHANGED_SHARE = 0.05
SMALL_INDEX = 2000


class IndexInMemory:
    """FAISS, in the memory of each process; see `KeptIndex`.

    Args:
        path: the file.
        writable: whether it may be written and removed.
        reason: why the index is kept here.
        instead: it was asked for in the place of pgvector, so that a rebuild gives the database's
            room back.

    Attributes:
        saved: the commit that the file holds; None where there is no file.
    """

    engine = "faiss"

    def __init__(self, path: Path, *, writable: bool, reason: str, instead: bool = False) -> None:
        self.index = SketchedIndex(1)
        self.reason = reason
        self.saved: Commit | None = None
        self._path = path
        self._writable = writable
        self._instead = instead
        self._mode = PRIVATE
        self._changed = 0  # vectors added and removed since it was saved

    def open(
        self, catalog: Catalog, state: GalleryState, projection: Projection, *, anew: bool
    ) -> None:
        """As `KeptIndex`; a file that can't be trusted is not used, and written anew.

        So is a missing one that took time to do without.
        """
        space_id = state.projection_id or state.space.id
        self.saved, self._changed = None, 0
        self._mode = catalog.file_mode
        if anew and self._instead:
            from ...indexes.pgvector_index import drop_tables  # imports SQLAlchemy

            drop_tables(catalog.index_transaction)
        if anew or not self._load(catalog, state, space_id, projection):
            self.index = SketchedIndex(projection.dimension)
            for batch in catalog.stream(
                lambda read: read.embeddings.stream(state.space.id, batch=LOAD_BATCH)
            ):
                self.index.add(batch.ids, projection.apply(batch.vectors))
            if anew or self._path.exists() or len(self.index) >= SMALL_INDEX:
                self.save(state.commit, space_id)

    def follow(
        self,
        catalog: Catalog,
        space: Space,
        projection: Projection,
        added: IntArray,
        removed: IntArray,
    ) -> None:
        added = added[~self.index.contains(added)]
        if added.size:
            ids, _, vectors = catalog.ask(lambda read: read.embeddings.of(space.id, added.tolist()))
            self.index.add(ids, projection.apply(vectors))
            self._changed += ids.size
        gone = removed[self.index.contains(removed)]
        if gone.size:
            self.index.remove(gone)
            self._changed += gone.size
            self.discard()  # what was removed must not linger in a file

    @property
    def usable(self) -> bool:
        return True

    def save_if_worthwhile(self, commit: Commit, space_id: str) -> None:
        """Save when there is no file, or it is well behind, or the index should be another by now:
        else every process that writes would begin to compact it, and leave nothing of that.
        """
        behind = self._changed > CHANGED_SHARE * len(self.index)
        if self.saved is None or behind or (self._changed and self.index.compaction_due):
            self.save(commit, space_id)

    def save(self, commit: Commit, space_id: str) -> None:
        """Save, unless another process is at it; a failure costs only the next opening's time."""
        if not self._writable or self.saved == commit:
            return
        from filelock import FileLock, Timeout  # slow to import, and a query saves nothing

        try:
            with FileLock(f"{self._path}.lock", timeout=0, mode=self._mode):
                self.index.compact()
                save_index(
                    self.index,
                    self._path,
                    generation=commit.generation,
                    commit_id=commit.id,
                    space=space_id,
                    mode=self._mode,
                )
        except Timeout:
            return
        except OSError as error:
            LOGGER.warning("%s: the index's file could not be written: %s", self._path, error)
            return
        self.saved, self._changed = commit, 0

    def discard(self) -> None:
        """Remove the file; the next opening reads the catalog."""
        if self._writable:
            self._path.unlink(missing_ok=True)

    def _load(
        self, catalog: Catalog, state: GalleryState, space_id: str, projection: Projection
    ) -> bool:
        """Take up the file and bring it up to the catalog, if it can be trusted."""
        if not state.generation:
            return False
        try:
            index, generation, commit_id = load_index(
                self._path, space=space_id, dimension=projection.dimension
            )
        except IndexFileError as error:
            level = logging.WARNING if self._path.exists() else logging.INFO
            LOGGER.log(level, "%s; making the index anew from the catalog", error)
            return False
        saved = Commit(generation, commit_id)
        with catalog.whole() as whole:
            changes = whole.log.since(saved.generation, commit_id=saved.id)
        if changes is None or any(change.kind is ChangeKind.SPACE for change in changes):
            LOGGER.warning(
                "%s is too old to follow the catalog's log, or of another history, as where a "
                "backup was restored; making the index anew",
                self._path,
            )
            return False
        self.index, self.saved = index, saved
        if not changes:
            return True
        removed = examples_in(changes, ChangeKind.REMOVE)
        added = np.setdiff1d(examples_in(changes, ChangeKind.ADD), removed)
        self.follow(catalog, state.space, projection, added, removed)
        return True


def examples_in(changes: list[Change], kind: ChangeKind) -> IntArray:
    """The examples that changes of a kind name: `(n,) int64`, ascending."""
    ids = {c.example_id for c in changes if c.kind is kind and c.example_id is not None}
    return np.array(sorted(ids), np.int64)

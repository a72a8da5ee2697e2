"""What one process searches and decides with: a copy of its catalog, at one generation.

The catalog is the truth. `View.load` copies it, by way of the index's snapshot where that can be
trusted; `follow` applies what the change log says has happened since. Changes are applied so that
applying one twice does no harm, hence rows that were read a little ahead of the log don't matter.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from engine.catalog import Catalog, GalleryState
from engine.decision import Calibration
from engine.decision.trained_head import TrainedHead
from engine.gallery.matcher import Matcher
from engine.gallery.tables import Tables, searched_space
from engine.indexes import FaissIndex, SnapshotError, VectorIndex, load_snapshot, save_snapshot
from engine.projections import Projection, shipped_cohort
from engine.types import Change, ChangeKind, IntArray

LOGGER = logging.getLogger(__name__)
LOAD_BATCH = 4096


class View(Matcher):
    """A matcher over a copy of a catalog.

    `follow` is called by one thread at a time; searches go on meanwhile.

    Attributes:
        state: the gallery's settings as of the last load.
        kept_head: the Siamese head trained in the searched space, in force or not.
        generation: the generation that the copy holds.
        snapshot_generation: what the snapshot on disk holds; -1 where there is none.
        additions, removals: vectors added to and removed from the index since then.
    """

    def __init__(
        self,
        tables: Tables,
        state: GalleryState,
        projection: Projection,
        index: VectorIndex,
        generation: int,
    ) -> None:
        super().__init__(
            space_id=searched_space(state),
            projection=projection,
            index=index,
            table=tables.examples,
            shipped=shipped_cohort(state.space),
            target_fpir=state.target_fpir,
        )
        self.statistics.enter(*tables.statistics)
        self.pins = tables.pins
        self.calibration = _calibration(tables.calibration)
        self._take_head(tables.head)
        self._calibrated_by = tables.generation
        self.state = state
        self.generation = generation
        self.snapshot_generation = -1
        self.additions = 0
        self.removals = 0

    @classmethod
    def load(cls, catalog: Catalog, snapshot: Path | None) -> View:
        """Copy a catalog into memory.

        Args:
            snapshot: the index's file. Missing, stale or damaged, it is not used, and the index is
                made from the catalog's vectors.
        """
        state = catalog.state()
        projection = load_projection(catalog, state)
        with ThreadPoolExecutor(1, thread_name_prefix="onelook-snapshot") as pool:
            loading = pool.submit(_snapshot_index, state, projection, snapshot)
            tables = Tables.read(catalog, state)
            held = loading.result()
        if held is None:
            index = _index_of(catalog, state, projection)
            view = cls(tables, state, projection, index, state.generation)
        else:
            view = cls(tables, state, projection, *held)
            view.snapshot_generation = view.generation
        if not view.follow(catalog):
            LOGGER.warning("%s is too old to follow the log; making the index anew", snapshot)
            return cls.load(catalog, None)
        return view

    def follow(self, catalog: Catalog) -> bool:
        """Apply what has changed since; False where everything must be loaded anew."""
        generation = catalog.generation()
        if generation == self.generation:
            return True
        changes = catalog.changes_since(self.generation)
        if changes is None or any(change.kind is ChangeKind.SPACE for change in changes):
            return False
        if changes:
            self._apply(catalog, changes)
            generation = changes[-1].generation
        self.target_fpir = catalog.state().target_fpir  # the log doesn't tell of it
        self.generation = generation
        return True

    def save(self, snapshot: Path) -> None:
        """Write the index's snapshot, so that the next opening needn't read every vector."""
        self.index.compact()
        save_snapshot(self.index, snapshot, generation=self.generation, space=self.space_id)
        self.snapshot_generation = self.generation
        self.additions = self.removals = 0

    def _apply(self, catalog: Catalog, changes: list[Change]) -> None:
        removed = _examples(changes, ChangeKind.REMOVE)
        added = np.setdiff1d(_examples(changes, ChangeKind.ADD), removed)
        self._follow_classes(catalog, {c.class_id for c in changes if c.class_id is not None})
        calibrated = [c for c in changes if c.kind is ChangeKind.CALIBRATE and c.class_id is None]
        if calibrated and calibrated[-1].generation > self._calibrated_by:
            self._follow_calibration(catalog)
        if any(change.kind is ChangeKind.HEAD for change in changes):
            with catalog.read() as reader:
                self._take_head(reader.siamese_head(self.space_id))
        placed = {
            change.example_id: change.class_id  # the last one counts
            for change in changes
            if change.kind in (ChangeKind.ADD, ChangeKind.MOVE) and change.example_id is not None
        }
        self.table.set(np.array(list(placed), np.int64), np.array(list(placed.values()), np.int64))
        self._update_index(catalog, added, removed)
        self.table.remove(removed)
        self._drifted(len(placed) + removed.size)

    def _update_index(self, catalog: Catalog, added: IntArray, removed: IntArray) -> None:
        """Add and remove vectors; those that are there, or gone, already stay so."""
        added = added[~self.index.contains(added)]
        if added.size:
            ids, _, vectors = catalog.vectors(self.state.space.id, added.tolist())
            self.index.add(ids, self.projection.apply(vectors))
            self.additions += ids.size
        gone = removed[self.index.contains(removed)]
        if gone.size:
            self.index.remove(gone)
            self.removals += gone.size

    def _follow_classes(self, catalog: Catalog, class_ids: Iterable[int]) -> None:
        """Take over what the catalog says of the classes touched; drop those that are gone."""
        wanted = sorted(class_ids)
        if not wanted:
            return
        with catalog.read() as reader:
            labels = reader.labels(wanted)
            pins = reader.pins(wanted, searched_space=self.space_id)
            statistics = reader.class_statistics(self.space_id, wanted)
        self.table.labels.update(labels)
        self.pins.update(pins)
        for class_id in wanted:
            if class_id not in labels:
                self.table.labels.pop(class_id, None)
            if class_id not in pins:
                self.pins.pop(class_id, None)
        self.statistics.forget([i for i in wanted if i not in statistics])
        self.statistics.update(statistics)

    def _follow_calibration(self, catalog: Catalog) -> None:
        with catalog.read() as reader:
            self._calibrated_by = reader.state().generation
            self.calibration = _calibration(reader.calibration(self.space_id))
            self.statistics.enter(*reader.statistics_table(self.space_id))

    def _take_head(self, payload: bytes | None) -> None:
        self.kept_head = None if payload is None else TrainedHead.from_bytes(payload)
        self.head = self.kept_head if self.kept_head and self.kept_head.active else None


def load_projection(catalog: Catalog, state: GalleryState) -> Projection:
    """The gallery's active projection."""
    if state.projection_id is None:
        return Projection.identity(state.space.dimension)
    return Projection.from_bytes(catalog.projection(state.projection_id))


def _calibration(payload: bytes | None) -> Calibration:
    return Calibration.empty() if payload is None else Calibration.from_bytes(payload)


def _snapshot_index(
    state: GalleryState, projection: Projection, snapshot: Path | None
) -> tuple[VectorIndex, int] | None:
    if snapshot is None or not state.generation:
        return None
    try:
        index, generation = load_snapshot(
            snapshot, space=searched_space(state), dimension=projection.dimension
        )
    except SnapshotError as error:
        LOGGER.log(
            logging.WARNING if snapshot.exists() else logging.INFO,
            "%s; making the index anew from the catalog",
            error,
        )
        return None
    if generation > state.generation:
        LOGGER.warning(
            "%s is ahead of the catalog, which a backup must have replaced; making the index anew",
            snapshot,
        )
        return None
    return index, generation


def _index_of(catalog: Catalog, state: GalleryState, projection: Projection) -> VectorIndex:
    index = FaissIndex(projection.dimension)
    for batch in catalog.iter_vectors(state.space.id, batch=LOAD_BATCH):
        index.add(batch.ids, projection.apply(batch.vectors))
    return index


def _examples(changes: list[Change], kind: ChangeKind) -> IntArray:
    ids = {c.example_id for c in changes if c.kind is kind and c.example_id is not None}
    return np.array(sorted(ids), np.int64)

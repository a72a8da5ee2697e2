"""The space that a gallery searches, and the calibration it decides by."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from engine.catalog import StoredProjection, WriteTransaction
from engine.decision import Calibration
from engine.gallery.left_out import calibrate_on_gallery
from engine.gallery.opened import OpenGallery
from engine.gallery.statistics import statistics_of
from engine.projections import Projection, shipped_projection

LOGGER = logging.getLogger(__name__)

KEPT_CHANGES = 100_000
"""Entries of the change log that stay; a reader that is further behind loads everything anew."""


class SearchedSpace(OpenGallery):
    """Calibrates, and changes the projection."""

    def calibrate(self) -> None:
        """Refresh every class's statistics and the calibration, from the gallery alone."""
        view = self._view
        everyone = np.array(sorted(view.table.labels), np.int64)
        statistics = statistics_of(view.index, view.table, view.cohort(), everyone)
        view.statistics.update(statistics)
        calibration = calibrate_on_gallery(view, generation=view.generation)

        def write(transaction: WriteTransaction) -> None:
            transaction.put_class_statistics(view.space_id, statistics)
            transaction.put_calibration(view.space_id, calibration.to_bytes())
            transaction.trim_changes(keep=KEPT_CHANGES)

        self._write_patiently(write)

    def use_calibration(self, calibration: Calibration, target_fpir: float) -> None:
        """Decide by a calibration that was made on more than the gallery, for a target FPIR.

        It stays in force while the gallery grows, until another takes its place.
        """
        with self._write() as transaction:
            transaction.set_target_fpir(target_fpir)
            transaction.put_calibration(self._view.space_id, calibration.to_bytes())

    def use_projection(
        self, projection: Projection | None, calibration: Calibration | None = None
    ) -> None:
        """Search another space from now on; the embeddings stay, the index is made anew.

        Pinned thresholds and the Siamese head hold for the space they were made in: they are
        suspended, and the log says so.

        Args:
            projection: the map to it; None for the one that a fresh gallery of this backbone has.
            calibration: made in that space; without one the gallery's earlier one there is taken
                up again, or one is made of the gallery alone.
        """
        space = self.catalog.state().space
        projection = projection or shipped_projection(space) or Projection.identity(space.dimension)
        if self._view.pins:
            LOGGER.warning(
                "%d pinned thresholds are suspended: they hold for the space they were set in",
                len(self._view.pins),
            )
        if self._view.head is not None:
            LOGGER.warning(
                "the Siamese head is suspended: it holds for the space it was trained in; "
                "run `onelook train head` again"
            )
        if calibration is None or calibration.automatic:
            self._say_calibration_is_suspended()
        with self._write() as transaction:
            payload = None if projection.matrix is None else projection.to_bytes()
            transaction.set_projection(stored_projection(payload))
            if calibration is not None:
                transaction.put_calibration(
                    space.id if payload is None else projection.id, calibration.to_bytes()
                )
        if not self._view.calibration.classes:
            self.calibrate()

    def _say_calibration_is_suspended(self) -> None:
        former = self._view.calibration
        if not former.automatic:
            LOGGER.warning(
                "the calibration on %s is suspended: it holds for the space it was made in; run "
                "`onelook calibrate` again",
                former.method,
            )

    def set_target_fpir(self, target: float) -> None:
        """Set the share of strangers that may get a label, in (0, 1)."""
        with self._write() as transaction:
            transaction.set_target_fpir(target)

    def _measure(self, example_ids: Sequence[int]) -> None:
        """Compare the classes of new examples with their impostors, and store what comes out.

        When the gallery has doubled since it was calibrated, it is calibrated anew. So however a
        gallery grows, each class is looked at a few times only, and one more class rewrites no
        other's row.
        """
        view = self._view
        class_ids = np.unique(view.table.classes_of(np.array(example_ids, np.int64)))
        if not class_ids.size:
            return
        if view.calibration.outgrown(view.classes):
            if view.calibration.automatic:
                self.calibrate()
                return
            LOGGER.warning(
                "the gallery has outgrown its calibration (%d classes then, %d now): run "
                "`onelook calibrate` again",
                view.calibration.classes,
                view.classes,
            )
        statistics = statistics_of(view.index, view.table, view.cohort(), class_ids)
        view.statistics.update(statistics)
        self._write_patiently(lambda t: t.put_class_statistics(view.space_id, statistics))


def stored_projection(payload: bytes | None) -> StoredProjection | None:
    """A projection as the catalog holds it."""
    if payload is None:
        return None
    projection = Projection.from_bytes(payload)
    return StoredProjection(projection.id, projection.kind, payload)

"""What a gallery's thresholds rest on: classes' statistics, the calibration, the target."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from engine.catalog import WriteTransaction
from engine.decision import Calibration
from engine.gallery.deciding.left_out import calibrate_on_gallery
from engine.gallery.live import LiveGallery
from engine.gallery.snapshot.statistics import statistics_of
from engine.types import IntArray

LOGGER = logging.getLogger(__name__)

KEPT_CHANGES = 100_000
"""Entries of the change log that stay; a reader that is further behind loads everything anew."""


class Thresholds:
    """Calibrates on the gallery alone, keeps another calibration, measures new classes."""

    def __init__(self, live: LiveGallery) -> None:
        self._live = live

    def calibrate(self) -> None:
        """Refresh every class's statistics and the calibration, from the gallery alone."""
        snapshot = self._live.snapshot()
        everyone: IntArray = np.array(sorted(snapshot.labels), np.int64)
        statistics = statistics_of(snapshot.index, snapshot.examples, snapshot.cohort, everyone)
        calibration = calibrate_on_gallery(
            snapshot.with_statistics(statistics), generation=snapshot.generation
        )

        def write(transaction: WriteTransaction) -> None:
            transaction.put_class_statistics(snapshot.space_id, statistics)
            transaction.put_calibration(snapshot.space_id, calibration.to_bytes())
            transaction.trim_changes(keep=KEPT_CHANGES)

        self._live.write_patiently(write)

    def use(self, calibration: Calibration, target_fpir: float) -> None:
        """Decide by a calibration that was made on more than the gallery, for a target FPIR.

        It stays in force while the gallery grows, until another takes its place.
        """
        space_id = self._live.snapshot().space_id
        with self._live.write() as transaction:
            transaction.set_target_fpir(target_fpir)
            transaction.put_calibration(space_id, calibration.to_bytes())

    def set_target_fpir(self, target: float) -> None:
        """Set the share of strangers that may get a label, in (0, 1)."""
        with self._live.write() as transaction:
            transaction.set_target_fpir(target)

    def measure(self, example_ids: Sequence[int]) -> None:
        """Compare the classes of new examples with their impostors, and store what comes out.

        When the gallery has doubled since it was calibrated, it is calibrated anew. So however a
        gallery grows, each class is looked at a few times only, and one more class rewrites no
        other's row.
        """
        snapshot = self._live.snapshot()
        class_ids = np.unique(snapshot.examples.classes_of(np.array(example_ids, np.int64)))
        class_ids = class_ids[class_ids >= 0]  # others may have removed some already
        if not class_ids.size:
            return
        if snapshot.calibration.outgrown(snapshot.classes):
            if snapshot.calibration.automatic:
                self.calibrate()
                return
            LOGGER.warning(
                "the gallery has outgrown its calibration (%d classes then, %d now): run "
                "`onelook calibrate` again",
                snapshot.calibration.classes,
                snapshot.classes,
            )
        statistics = statistics_of(snapshot.index, snapshot.examples, snapshot.cohort, class_ids)
        self._live.write_patiently(lambda t: t.put_class_statistics(snapshot.space_id, statistics))

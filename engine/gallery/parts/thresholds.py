"""What a gallery's thresholds rest on: classes' statistics, the calibration, the target."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...decision import Calibration
from ...types import ChangeKind, IntArray
from ..deciding.left_out import PHOTOGRAPHS, Photographs, calibrate_on_gallery
from ..live import LiveGallery
from ..snapshot import Snapshot
from ..snapshot.cohort import COHORT_SIZE
from ..snapshot.statistics import MeasuredClasses, statistics_of

if TYPE_CHECKING:
    from ...catalog.writing import WriteTransaction

LOGGER = logging.getLogger(__name__)

KEPT_CHANGES = 100_000
"""Entries of the change log that stay; a reader that is further behind loads everything anew."""

Photographer = Callable[[Snapshot], Photographs | None]
"""Photographs a gallery's kept pictures; gives None where none is kept."""

_INNOCENT = {
    ChangeKind.ATTRIBUTES,
    ChangeKind.CALIBRATE,
    ChangeKind.HEAD,
    ChangeKind.PIN,
    ChangeKind.RENAME,
}
"""Changes that leave what is enrolled, and so what a calibration on it rests on, as it was."""


class Thresholds:
    """Calibrates on the gallery alone, keeps another calibration, measures new classes."""

    def __init__(self, live: LiveGallery) -> None:
        self._live = live

    def calibrate(self, photographer: Photographer | None = None) -> None:
        """Refresh every class's statistics and the calibration, from the gallery alone.

        What comes out rests on what is enrolled only: not on when, in which order or in which
        batches it came.

        Args:
            photographer: makes synthetic photographs to calibrate on, which takes seconds.
        """
        snapshot, statistics = self._measured()
        photographs = None if photographer is None else photographer(snapshot)
        calibration = calibrate_on_gallery(
            snapshot, generation=snapshot.generation, photographs=photographs
        )

        def write(transaction: WriteTransaction) -> None:
            transaction.learned.put_statistics(snapshot.space_id, statistics)
            transaction.learned.put_calibration(snapshot.space_id, calibration.to_bytes())
            transaction.trim_changes(keep=KEPT_CHANGES)

        self._live.write_patiently(write)

    def refreshed(self) -> Snapshot:
        """Refresh every class's statistics; the gallery with them, its impostors drawn anew."""
        snapshot, statistics = self._measured()
        self._live.write_patiently(
            lambda t: t.learned.put_statistics(snapshot.space_id, statistics)
        )
        return snapshot

    def settle(self, *, changed: bool, photographer: Photographer | None = None) -> None:
        """What a bulk enrolment ends with: thresholds of what is enrolled now.

        A calibration on the gallery alone is made anew, unless nothing came, went or moved since.
        One on pictures that were given stays; the classes' statistics are refreshed.

        Args:
            changed: whether the enrolment has changed anything.
            photographer: as `calibrate` takes it.
        """
        snapshot = self._live.newest()
        if snapshot.calibration.automatic:
            lacking = photographer is not None and self._lacks_photographs(snapshot)
            if snapshot.classes and (lacking or not self._up_to_date(snapshot)):
                self.calibrate(photographer)
            return
        self._say_if_outgrown(snapshot)
        if changed:
            self.refreshed()

    def _measured(self) -> tuple[Snapshot, MeasuredClasses]:
        """The newest snapshot with the statistics of every class, which come as well."""
        catalog, snapshot = self._live.catalog, self._live.newest()
        with catalog.whole() as whole:
            snapshot = snapshot.with_cohort(whole.sample(COHORT_SIZE))
        everyone: IntArray = np.array(sorted(snapshot.labels), np.int64)
        statistics = statistics_of(snapshot.index, snapshot.examples, snapshot.cohort, everyone)
        return snapshot.with_statistics(statistics), statistics

    def _up_to_date(self, snapshot: Snapshot) -> bool:
        """Whether the calibration in force is of what is enrolled now."""
        with self._live.catalog.whole() as whole:
            kinds = whole.log.kinds_since(snapshot.calibration.generation)
        return kinds is not None and kinds <= _INNOCENT

    def _lacks_photographs(self, snapshot: Snapshot) -> bool:
        """Whether a calibration could rest on photographs and doesn't."""
        if PHOTOGRAPHS in snapshot.calibration.evidence:
            return False
        return self._live.catalog.counts().pictures > 0

    @staticmethod
    def _say_if_outgrown(snapshot: Snapshot) -> None:
        if snapshot.calibration.outgrown(snapshot.classes):
            LOGGER.warning(
                "the gallery has outgrown its calibration (%d classes then, %d now): run "
                "`onelook calibrate` again",
                snapshot.calibration.classes,
                snapshot.classes,
            )

    def use(self, calibration: Calibration, target_fpir: float) -> None:
        """Decide by a calibration that was made on more than the gallery, for a target FPIR.

        It stays in force while the gallery grows, until another takes its place.
        """
        space_id = self._live.snapshot().space_id
        with self._live.write() as transaction:
            transaction.set_target_fpir(target_fpir)
            transaction.learned.put_calibration(space_id, calibration.to_bytes())

    def set_target_fpir(self, target: float) -> None:
        """Set the share of strangers that may get a label, in (0, 1)."""
        with self._live.write() as transaction:
            transaction.set_target_fpir(target)

    def measure(self, example_ids: Sequence[int]) -> None:
        """Compare the classes of new examples with their impostors, and store what comes out.

        The calibration stays, older than the gallery, until the gallery has doubled since; then it
        is made anew. So however a gallery grows, each class is looked at a few times only, and one
        more class rewrites no other's row.
        """
        snapshot = self._live.snapshot()
        class_ids = np.unique(snapshot.examples.classes_of(np.array(example_ids, np.int64)))
        class_ids = class_ids[class_ids >= 0]  # others may have removed some already
        if not class_ids.size:
            return
        if snapshot.calibration.automatic and snapshot.calibration.outgrown(snapshot.classes):
            self.calibrate()
            return
        self._say_if_outgrown(snapshot)
        statistics = statistics_of(snapshot.index, snapshot.examples, snapshot.cohort, class_ids)
        self._live.write_patiently(
            lambda t: t.learned.put_statistics(snapshot.space_id, statistics)
        )

"""The space that a gallery searches: its projection, and the backbone's space behind it.

Moving to another backbone: the vectors of the other space are gathered beside the present ones,
batch by batch, while the gallery is used; then one transaction makes that space the active one. The
space that was left stays with its vectors and its projection, calibration and pins, so that the way
back needs no embedding but that of what was enrolled meanwhile. Older ones go.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...catalog import StoredProjection
from ...decision import Calibration
from ...projections import Projection, shipped_projection
from ...types import FloatArray, Space
from ..live import LiveGallery
from ..snapshot import Snapshot
from .thresholds import Thresholds

if TYPE_CHECKING:
    from ...catalog.writing import WriteTransaction

LOGGER = logging.getLogger(__name__)


class Spaces:
    """Changes the projection, gathers embeddings of another space, makes it the active one."""

    def __init__(self, live: LiveGallery, thresholds: Thresholds) -> None:
        self._live = live
        self._thresholds = thresholds

    def project(
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
        before = self._live.snapshot()
        space = before.space
        projection = projection or shipped_projection(space) or Projection.identity(space.dimension)
        _say_pins_are_suspended(before)
        if before.head is not None:
            LOGGER.warning(
                "the Siamese head is suspended: it holds for the space it was trained in; "
                "run `onelook train head` again"
            )
        if (calibration is None or calibration.automatic) and not before.calibration.automatic:
            LOGGER.warning(
                "the calibration on %s is suspended: it holds for the space it was made in; run "
                "`onelook calibrate` again",
                before.calibration.method,
            )
        with self._live.write() as transaction:
            payload = None if projection.matrix is None else projection.to_bytes()
            transaction.spaces.set_projection(stored_projection(payload))
            if calibration is not None:
                transaction.learned.put_calibration(
                    space.id if payload is None else projection.id, calibration.to_bytes()
                )
        self._calibrate_where_never_done()

    def put_embeddings(self, space: Space, ids: Sequence[int], vectors: FloatArray) -> None:
        """Keep examples' vectors in a space beside the active one's.

        Args:
            ids: n examples; those that were removed meanwhile are left out.
            vectors: `(n, dim) float32`, unit rows.
        """

        def write(transaction: WriteTransaction) -> None:
            there = {example.id for example in transaction.read.examples.listed(ids=ids)}
            rows = [row for row, example_id in enumerate(ids) if example_id in there]
            transaction.spaces.add(space)
            transaction.embeddings.put(space.id, [ids[row] for row in rows], vectors[rows])

        self._live.write_patiently(write)

    def set_words(self, space: Space, vectors: FloatArray) -> None:
        """Keep what texts are measured against in a space: `(n, dim) float32`, unit rows."""

        def write(transaction: WriteTransaction) -> None:
            transaction.spaces.add(space)
            transaction.spaces.set_words(space.id, vectors)

        self._live.write_patiently(write)

    def move_to(self, space: Space) -> bool:
        """Compare in another space from now on, if every example is embedded in it.

        A space that the gallery was in before is found as it was left; another one begins with the
        projection that a fresh gallery has. Pins hold for the space they were set in.

        Returns:
            False where an example was enrolled meanwhile, and nothing was changed.
        """
        before = self._live.snapshot()

        def write(transaction: WriteTransaction) -> bool:
            transaction.spaces.add(space)
            held = transaction.read.embeddings
            if any(held.lacking(space.id)) or held.lacking_texts(space.id):
                return False
            left = transaction.read.state()
            payload = transaction.read.spaces.kept_projection(space.id)
            shipped = shipped_projection(space)
            if payload is None and shipped is not None:
                payload = shipped.to_bytes()
            transaction.spaces.activate(space.id)
            transaction.spaces.set_projection(stored_projection(payload))
            transaction.spaces.forget_projections(left.space.id, but=left.projection_id)
            for space_id in transaction.read.spaces.ids():
                if space_id not in (space.id, left.space.id):
                    transaction.spaces.drop(space_id)
            return True

        if not self._live.write_patiently(write):
            return False
        _say_pins_are_suspended(before)
        self._calibrate_where_never_done()
        return True

    def drop_others(self) -> int:
        """Remove the vectors of every space but the active one; how many spaces those were."""
        with self._live.write() as transaction:
            active = transaction.read.state().space.id
            others = [space_id for space_id in transaction.read.spaces.ids() if space_id != active]
            for space_id in others:
                transaction.spaces.drop(space_id)
        return len(others)

    def _calibrate_where_never_done(self) -> None:
        if not self._live.snapshot().calibration.classes:
            self._thresholds.calibrate()


def stored_projection(payload: bytes | None) -> StoredProjection | None:
    """A projection as the catalog holds it."""
    if payload is None:
        return None
    projection = Projection.from_bytes(payload)
    return StoredProjection(projection.id, projection.kind, payload)


def _say_pins_are_suspended(before: Snapshot) -> None:
    if before.pins:
        LOGGER.warning(
            "%d pinned thresholds are suspended: they hold for the space they were set in",
            len(before.pins),
        )

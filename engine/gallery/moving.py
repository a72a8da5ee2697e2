"""Moving a gallery to another backbone's space, and back.

The vectors of the other space are gathered beside the present ones, batch by batch, while the
gallery is used; then one transaction makes that space the active one. The space that was left stays
with its vectors and its projection, calibration and pins, so that the way back needs no embedding
but that of what was enrolled meanwhile. Older ones go.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from engine.catalog import WriteTransaction
from engine.gallery.space import SearchedSpace, stored_projection
from engine.projections import shipped_projection
from engine.types import FloatArray, Space

LOGGER = logging.getLogger(__name__)


class SpaceMoving(SearchedSpace):
    """Gathers embeddings of another space, and makes it the active one."""

    def put_embeddings(self, space: Space, ids: Sequence[int], vectors: FloatArray) -> None:
        """Keep examples' vectors in a space beside the active one's.

        Args:
            ids: n examples; those that were removed meanwhile are left out.
            vectors: `(n, dim) float32`, unit rows.
        """

        def write(transaction: WriteTransaction) -> None:
            there = {example.id for example in transaction.examples(ids=ids)}
            rows = [row for row, example_id in enumerate(ids) if example_id in there]
            transaction.add_space(space)
            transaction.put_embeddings(space.id, [ids[row] for row in rows], vectors[rows])

        self._write_patiently(write)

    def move_to(self, space: Space) -> bool:
        """Compare in another space from now on, if every example is embedded in it.

        A space that the gallery was in before is found as it was left; another one begins with the
        projection that a fresh gallery has. Pins hold for the space they were set in.

        Returns:
            False where an example was enrolled meanwhile, and nothing was changed.
        """
        pins = len(self._view.pins)

        def write(transaction: WriteTransaction) -> bool:
            transaction.add_space(space)
            if any(transaction.without_embedding(space.id)):
                return False
            left = transaction.state()
            payload = transaction.kept_projection(space.id)
            shipped = shipped_projection(space)
            if payload is None and shipped is not None:
                payload = shipped.to_bytes()
            transaction.set_active_space(space.id)
            transaction.set_projection(stored_projection(payload))
            transaction.forget_projections(left.space.id, but=left.projection_id)
            for space_id in transaction.space_ids():
                if space_id not in (space.id, left.space.id):
                    transaction.drop_space(space_id)
            return True

        if not self._write_patiently(write):
            return False
        if pins:
            LOGGER.warning(
                "%d pinned thresholds are suspended: they hold for the space they were set in", pins
            )
        if not self._view.calibration.classes:
            self.calibrate()
        return True

    def drop_other_spaces(self) -> int:
        """Remove the vectors of every space but the active one; how many spaces those were."""
        with self._write() as transaction:
            active = transaction.state().space.id
            others = [space_id for space_id in transaction.space_ids() if space_id != active]
            for space_id in others:
                transaction.drop_space(space_id)
        return len(others)

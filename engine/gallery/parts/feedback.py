"""What people said about queries: noted with the query's embedding, and used to calibrate."""

from __future__ import annotations

import numpy as np

from ...types import Decision, FloatArray, IntArray
from ..live import LiveGallery
from ..snapshot import Snapshot


class FeedbackNotes:
    """Notes what queries show, and hands it out as evidence."""

    def __init__(self, live: LiveGallery) -> None:
        self._live = live

    def note(self, vector: FloatArray, decision: Decision, label: str | None) -> int:
        """Note what a query shows; the note's id, by which it can be taken back.

        Args:
            vector: `(dim,) float32`, the query's unit embedding, not projected.
            decision: what the gallery said.
            label: the class that it shows, or None: none of them.

        Raises:
            ClassNotFoundError, LabelError: there is no such class.
        """
        from ...catalog.service import Feedback  # imports SQLAlchemy

        catalog = self._live.catalog
        if label is not None:
            with catalog.read() as reader:
                label = reader.classes.by_label(label).label
        return catalog.service.review.add_feedback(
            Feedback(
                label=label,
                decided=decision.label,
                similarity=decision.similarity,
                threshold=decision.threshold,
                vector=vector,
                space_id=catalog.state().space.id,
            )
        )

    def take_back(self, feedback_id: int) -> bool:
        """Forget a note; whether it was there."""
        return self._live.catalog.service.review.take_back(feedback_id)

    def evidence(self, snapshot: Snapshot) -> tuple[FloatArray, tuple[FloatArray, IntArray]]:
        """What was said about queries, as evidence for a calibration of that snapshot.

        Returns:
            The queries that show none of the classes, `(n, dim) float32`, unit rows, projected; and
            those that show one, `(m, dim) float32`, with their classes' ids, `(m,) int64`.
        """
        said = self._live.catalog.service.review.feedback(snapshot.space.id)
        ids = snapshot.class_ids_by_label()
        given = np.array([entry.vector for entry in said], np.float32)
        vectors = snapshot.projection.apply_queries(
            given.reshape(len(said), snapshot.space.dimension)
        )
        strangers = np.array([entry.label is None for entry in said], np.bool_)
        own = np.array([ids.get(entry.label or "", -1) for entry in said], np.int64)
        known = own >= 0  # a class that is gone says nothing
        return vectors[strangers], (vectors[known], own[known])

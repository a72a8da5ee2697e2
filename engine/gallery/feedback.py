"""What people said about queries: noted with the query's embedding, and used to calibrate."""

from __future__ import annotations

import numpy as np

from engine.catalog.service import Feedback
from engine.errors import CalibrationError
from engine.gallery.evidence import calibrate
from engine.gallery.gallery import Gallery
from engine.types import Decision, FloatArray


def note_feedback(
    gallery: Gallery, vector: FloatArray, decision: Decision, label: str | None
) -> str | None:
    """Note what a query shows; the label as the gallery writes it.

    Args:
        vector: `(dim,) float32`, the query's unit embedding, not projected.
        decision: what the gallery said.
        label: the class that it shows, or None: none of them.

    Raises:
        ClassNotFoundError, LabelError: there is no such class.
    """
    catalog = gallery.catalog
    if label is not None:
        label = catalog.class_by_label(label).label
    catalog.service.review.add_feedback(
        Feedback(
            label=label,
            decided=decision.label,
            similarity=decision.similarity,
            threshold=decision.threshold,
            vector=vector,
            space_id=catalog.state().space.id,
        )
    )
    return label


def calibrate_with_feedback(gallery: Gallery) -> bool:
    """Calibrate by what was said about queries, if that is enough, and else by the gallery alone.

    Returns:
        Whether the feedback was enough for the target.
    """
    gallery.calibrate()
    view = gallery.view()
    said = gallery.catalog.service.review.feedback(view.state.space.id)
    if not said:
        return False
    ids = {label: class_id for class_id, label in view.table.labels.items()}
    vectors = view.projection.apply_queries(np.stack([entry.vector for entry in said]))
    strangers = np.array([entry.label is None for entry in said], np.bool_)
    own = np.array([ids.get(entry.label or "", -1) for entry in said], np.int64)
    known = own >= 0  # a class that is gone says nothing
    labelled = (vectors[known], own[known]) if known.any() else None
    found = calibrate(
        view, generation=view.generation, strangers=vectors[strangers], labelled=labelled
    )
    try:
        found.require(view.target_fpir)
    except CalibrationError:
        return False
    gallery.use_calibration(found, view.target_fpir)
    return True

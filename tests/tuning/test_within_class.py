"""A searched space learned from views, on made embeddings whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from engine.playing.enrolled import Enrolled
from engine.projections import Projection
from engine.tuning.within_class import SHRINKAGE, Views, judged, within_class_projection
from engine.types import FloatArray, Space

DIMENSION, CLASSES = 24, 120
SPACE = Space("made", "w" * 64, "p" * 64, DIMENSION)
NUISANCE = 8
"""The first so many axes say how a picture was taken, the others what it shows."""


def unit(rows: np.ndarray) -> FloatArray:
    unit_rows: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit_rows.astype(np.float32)


def made(nuisance: float) -> tuple[Enrolled, Views]:
    """Enrolled classes, and four views of each, which differ along the nuisance axes only."""
    random = np.random.default_rng(4)
    things = random.normal(size=(CLASSES, DIMENSION))
    rows = np.repeat(np.arange(CLASSES), 4)
    moves = random.normal(size=(rows.size, DIMENSION)) * nuisance
    moves[:, NUISANCE:] = 0.0
    enrolled = Enrolled.in_memory(
        unit(things), [f"{n:03}" for n in range(CLASSES)], SPACE, target_fpir=0.05
    )
    views = Views(
        vectors=unit(things[rows] + moves),
        unchanged=enrolled.embeddings[rows],
        classes=enrolled.class_ids[rows],
        kinds=np.tile([0, 0, 1, 1], CLASSES),
    )
    return enrolled, views


def test_directions_in_which_views_differ_count_less() -> None:
    enrolled, views = made(nuisance=1.5)
    found = within_class_projection(Projection.identity(DIMENSION), enrolled, views)

    assert found.matrix is not None
    stretch = np.linalg.norm(found.matrix, axis=1)
    assert stretch[:NUISANCE].max() < stretch[NUISANCE:].min()
    assert stretch.max() <= SHRINKAGE**-0.5 + 1e-2  # nothing is blown up


def test_one_moving_axis_is_stretched_by_the_closed_form() -> None:
    enrolled, views = made(nuisance=0.0)
    moved = views.unchanged.copy()
    moved[:, 0] = -moved[:, 0]  # stays of unit length
    views = Views(moved, views.unchanged, views.classes, views.kinds)
    enrolled = Enrolled.in_memory(  # a catalog whose mean is 0, so that centring does nothing
        np.concatenate([enrolled.embeddings, -enrolled.embeddings]),
        [str(n) for n in range(2 * CLASSES)],
        SPACE,
        target_fpir=0.05,
    )

    found = within_class_projection(Projection.identity(DIMENSION), enrolled, views)

    # All variance on one of 24 axes: 24 times the mean there, none elsewhere; shrunk to 0.3.
    assert found.matrix is not None
    stretch = np.linalg.norm(found.matrix, axis=1)
    assert stretch[0] == pytest.approx((0.7 * 24 + 0.3) ** -0.5, rel=1e-2)
    assert stretch[1:] == pytest.approx(0.3**-0.5, rel=1e-2)


def test_the_guard_keeps_a_space_that_pays_on_other_classes_and_kinds() -> None:
    enrolled, views = made(nuisance=1.5)
    verdict = judged(enrolled, Projection.identity(DIMENSION), views)
    assert verdict.better
    assert verdict.oscr_after > verdict.oscr_before


def test_the_guard_refuses_what_pays_on_the_fitted_kind_only() -> None:
    enrolled, views = made(nuisance=1.5)
    placed = views.kinds == 0
    vectors = views.vectors.copy()
    vectors[placed] = vectors[placed][:, ::-1]  # the kinds differ along opposite axes
    unchanged = views.unchanged.copy()
    unchanged[placed] = unchanged[placed][:, ::-1]
    views = Views(vectors, unchanged, views.classes, views.kinds)

    assert not judged(enrolled, Projection.identity(DIMENSION), views).better


def test_views_that_are_all_alike_leave_the_map_as_it_is() -> None:
    enrolled, views = made(nuisance=0.0)
    found = within_class_projection(Projection.identity(DIMENSION), enrolled, views)
    assert found.matrix is not None
    assert found.matrix == pytest.approx(np.eye(DIMENSION))

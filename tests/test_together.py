"""Queries taken together: what they share as against the catalog is taken out of each."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from engine.boxes import Crop
from engine.projections import Projection
from engine.recognizer import Recognizer
from engine.recognizer.together import LEAST, different, taken_together
from engine.types import Reject
from tests.conftest import quarters

CLASSES = 30


@pytest.fixture
def shop(recognizer: Recognizer) -> Recognizer:
    recognizer.enroll_catalog((f"thing {n}", quarters(n)) for n in range(CLASSES))
    return recognizer


def reddish(seed: int) -> Image.Image:
    """A picture under a light that all queries share."""
    pixels = np.asarray(quarters(seed), np.float32) * [0.45, 0.45, 0.25] + [140.0, 20.0, 0.0]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def similarities(recognizer: Recognizer, *, transductive: bool) -> np.ndarray:
    queries = [reddish(n) for n in range(CLASSES)]
    decisions = list(recognizer.recognize_many(queries, transductive=transductive))
    assert all(
        ("different queries sit was taken out" in each.calibration) == transductive
        for each in decisions
    )
    right = [each.candidates[0].label == f"thing {n}" for n, each in enumerate(decisions)]
    return np.array(right)


def test_a_shift_that_all_share_is_taken_out_and_said(shop: Recognizer) -> None:
    alone = similarities(shop, transductive=False)
    together = similarities(shop, transductive=True)
    assert together.mean() > alone.mean() + 0.1
    assert shop.recognize(quarters(3)).label == "thing 3"


@pytest.mark.parametrize("matrix", [None, np.eye(16, dtype=np.float32)[:, :12]])
def test_the_means_meet_and_what_is_asked_often_counts_once(
    shop: Recognizer, matrix: np.ndarray | None
) -> None:
    """Against the definition, worked out with NumPy."""
    if matrix is not None:
        nothing = np.zeros(16, np.float32)
        shop.gallery.spaces.project(Projection("adapted", nothing, matrix, nothing + 0.01))
    embeddings = shop.embed(reddish(n) for n in range(40))
    often = [*embeddings, *embeddings[:1].repeat(1000, axis=0)]
    snapshot = shop.gallery.snapshot()
    moved = taken_together(shop.gallery, snapshot, often).projection
    asked = different(embeddings)
    pictures = shop.embed(quarters(n) for n in range(CLASSES))
    base = snapshot.projection
    apart = asked.mean(0) - base.query_mean - pictures.mean(0) + base.mean
    share = len(asked) / (len(asked) + 20)
    expected = embeddings - base.query_mean + base.mean - share * apart
    if matrix is not None:
        expected = (expected - base.mean) @ matrix
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(moved.apply_queries(embeddings), expected, atol=2e-3)
    np.testing.assert_array_equal(moved.apply(pictures), base.apply(pictures))


def test_too_few_are_taken_one_by_one_and_that_is_said(shop: Recognizer) -> None:
    few = [reddish(n) for n in range(5)] + [reddish(0)] * LEAST
    decisions = list(shop.recognize_many(few, transductive=True))
    alone = list(shop.recognize_many(few))
    told = f"{len(different(shop.embed(few)))} different queries are too few to go by"
    assert all(told in decision.calibration for decision in decisions)
    assert [d.score for d in decisions] == [d.score for d in alone]
    assert list(shop.recognize_many([], transductive=True)) == []


def test_what_can_be_read_once_is_looked_at_twice(shop: Recognizer) -> None:
    data = io.BytesIO()
    reddish(3).save(data, "PNG")
    file, part = io.BytesIO(data.getvalue()), io.BytesIO(data.getvalue())
    file.name = "three.png"  # type: ignore[attr-defined]
    images = [file, Crop(part, (0, 0, 1, 1)), io.BytesIO(b"no picture")]
    images += [reddish(n) for n in range(CLASSES)]
    found = list(shop.try_recognize_many(iter(images), transductive=True))
    first, crop, broken = found[:3]
    assert isinstance(broken, Reject)
    assert not isinstance(first, Reject)
    assert not isinstance(crop, Reject)
    assert first.source == "three.png"
    assert first.similarity == pytest.approx(found[3 + 3].similarity, abs=1e-5)  # type: ignore[union-attr]


def test_different_ones_are_those_not_near_to_one_before() -> None:
    angles = np.deg2rad([0, 5, 40, 42, 90, 1])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    np.testing.assert_array_equal(different(rows), rows[[0, 2, 4]])
    assert different(rows[:0]).shape == (0, 2)

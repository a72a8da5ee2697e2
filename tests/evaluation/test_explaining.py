"""Explanations: the decision's own figures, and the two distributions behind the threshold."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.decision import moments
from engine.evaluation.explanation.explain import explain
from engine.evaluation.explanation.plot import explanation_plot
from engine.images.views import augmented_views
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from engine.types import KeepPictures
from tests.conftest import MakePicture, quarters


@pytest.fixture
def filled(recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path) -> Recognizer:
    for n in range(12):
        make_picture(f"catalog/thing {n}.png", n)
    recognizer.enroll_catalog(tmp_path / "catalog")
    return recognizer


def test_an_explanation_holds_the_very_decision(
    filled: Recognizer, make_picture: MakePicture
) -> None:
    query = make_picture("query.png", 3, size=48)
    explanation = explain(filled.gallery, filled.features, query)
    assert explanation.decision == filled.recognize(query)
    assert explanation.candidates[0].threshold == pytest.approx(explanation.decision.threshold)
    assert explanation.sentences()[0].startswith("thing 3: the nearest class is 'thing 3'")


def test_impostors_are_the_pictures_of_all_other_classes(
    filled: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    query = make_picture("query.png", 3, size=48)
    explanation = explain(filled.gallery, filled.features, query)
    pictures = [tmp_path / f"catalog/thing {n}.png" for n in range(12)]
    vectors = filled.embed(pictures)
    expected = np.delete(vectors @ vectors[3], 3)
    assert np.sort(explanation.impostors) == pytest.approx(np.sort(expected), abs=1e-5)


def test_changed_views_of_the_example_bound_the_genuine_similarities(
    filled: Recognizer, make_picture: MakePicture
) -> None:
    explanation = explain(filled.gallery, filled.features, make_picture("q.png", 3, size=48))
    views = list(augmented_views(quarters(3)))
    vectors = filled.embed(views)
    expected = vectors @ filled.embed([quarters(3)])[0]
    assert explanation.genuine == pytest.approx(expected, abs=1e-5)
    assert any("upper bound" in sentence for sentence in explanation.sentences())


def test_normalised_similarities_count_deviations_above_the_impostors(
    filled: Recognizer, make_picture: MakePicture
) -> None:
    filled.gallery.thresholds.calibrate()  # statistics of the whole gallery, not of its first batch
    explanation = explain(filled.gallery, filled.features, make_picture("q.png", 3, size=48))
    first = explanation.candidates[0]
    mean, std = moments(explanation.impostors.tolist())
    assert mean == pytest.approx(explanation.impostors.mean())  # all eleven count as near
    assert first.normalized == pytest.approx((first.candidate.similarity - mean) / std, abs=1e-3)


def test_the_rival_is_named_though_one_candidate_was_asked_for(
    filled: Recognizer, make_picture: MakePicture
) -> None:
    filled.enroll("twin", make_picture("twin.png", 3, size=48))
    explanation = explain(filled.gallery, filled.features, make_picture("q.png", 3, size=64), 1)
    assert explanation.decision.ambiguous
    assert len(explanation.candidates) == 1
    assert any("can't be told apart" in sentence for sentence in explanation.sentences())


def test_the_smallest_pictures_can_be_explained(
    filled: Recognizer, make_picture: MakePicture
) -> None:
    assert list(augmented_views(quarters(1, 2)))
    filled.enroll("dot", make_picture("dot.png", 77, size=2))
    explanation = explain(filled.gallery, filled.features, quarters(77, 2))
    assert explanation_plot(explanation)


@pytest.mark.parametrize("seed", [3, 500])
def test_an_explanation_is_drawn(filled: Recognizer, make_picture: MakePicture, seed: int) -> None:
    explanation = explain(filled.gallery, filled.features, make_picture("q.png", seed, size=48))
    with Image.open(io.BytesIO(explanation_plot(explanation))) as picture:
        assert picture.width > 1000


def test_an_empty_gallery_explains_itself(
    recognizer: Recognizer, make_picture: MakePicture
) -> None:
    explanation = explain(recognizer.gallery, recognizer.features, make_picture("q.png", 1))
    assert explanation.sentences() == ["Unknown: nothing is enrolled."]
    assert explanation_plot(explanation)
    assert explanation.to_json()["impostors"] is None


def test_a_gallery_without_pictures_is_explained_without_views(
    make_picture: MakePicture, tmp_path: Path
) -> None:
    with Recognizer.open(
        tmp_path / "bare.gallery",
        create=True,
        backbone=FakeBackbone(),
        keep_pictures=KeepPictures.NONE,
    ) as bare:
        bare.enroll("thing", make_picture("a.png", 1))
        bare.enroll("other", make_picture("b.png", 2))
        explanation = explain(bare.gallery, bare.features, make_picture("q.png", 1, size=48))
    assert explanation.genuine.size == 0
    assert explanation.candidates[0].picture is None
    assert explanation_plot(explanation)


def test_one_class_has_no_impostors(recognizer: Recognizer, make_picture: MakePicture) -> None:
    recognizer.enroll("only", make_picture("a.png", 1))
    explanation = explain(recognizer.gallery, recognizer.features, make_picture("q.png", 1, 48))
    assert explanation.impostors.size == 0
    assert explanation_plot(explanation)

"""The middle of a query, embedded where the whole doesn't settle it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.errors import SettingsError
from engine.features import Embedder, FeatureExtractor
from engine.features.closer import SHARE, CloserLook
from engine.gallery import Snapshot
from engine.gallery.deciding.closely import looked_closer
from engine.gallery.deciding.decisions import evidence_of, ranked
from engine.images import HeldPicture
from engine.local import QueryView
from engine.projections import Projection
from engine.recognizer import Recognizer
from engine.settings import load_settings
from engine.testing.fake_backbone import FakeBackbone
from engine.tuning.photographs import photographs_of
from engine.types import FloatArray, Region, Space
from tests.conftest import MakePicture, quarters

SPACE = Space("made by hand", "w" * 64, "p" * 64, 8)
BOX = (1.0, 2.0, 3.0, 4.0)


def vectors(n: int, seed: int) -> FloatArray:
    found = np.random.default_rng(seed).normal(size=(n, SPACE.dimension)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


class Given:
    """A closer look whose embedding is known, and which says whether it was asked for."""

    box: Region = BOX

    def __init__(self, vector: FloatArray) -> None:
        self.vector, self.asked = vector, 0

    def embedding(self) -> FloatArray:
        self.asked += 1
        return self.vector


def gallery_of(embeddings: FloatArray, shipped: FloatArray | None = None) -> Snapshot:
    """Each of them a class of its own, numbered from 1."""
    ids = np.arange(1, len(embeddings) + 1)
    return Snapshot.in_memory(
        space=SPACE,
        projection=Projection.identity(SPACE.dimension),
        example_ids=ids,
        class_ids=ids,
        embeddings=embeddings,
        labels={int(i): f"class {i}" for i in ids},
        shipped=embeddings[:0] if shipped is None else shipped,
        target_fpir=0.05,
    )


def viewed(closer: Given) -> QueryView:
    return QueryView.without_points((4, 6), closer)


def photographed(seed: int) -> Image.Image:
    """Picture number `seed`, in the middle of a larger one of another colour in each quarter."""
    photograph = quarters(1000 + seed, 100)
    side = round(100 * SHARE)
    photograph.paste(quarters(seed, side), ((100 - side) // 2,) * 2)
    return photograph


def test_it_is_the_embedding_of_the_picture_cut_to_its_middle() -> None:
    embedder = Embedder(FakeBackbone())
    picture = photographed(3)
    look = CloserLook(HeldPicture(picture), (200, 200), embedder)
    edge = round(100 * (1 - SHARE) / 2)
    [expected] = embedder.embed([picture.crop((edge, edge, 100 - edge, 100 - edge))])
    np.testing.assert_allclose(look.embedding(), expected, atol=1e-6)
    np.testing.assert_array_equal(look.embedding(), look.embedding())
    assert look.box == pytest.approx((2 * edge, 2 * edge, 200 - 2 * edge, 200 - 2 * edge))


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (3, 3)])
def test_the_smallest_pictures_have_a_middle(size: tuple[int, int]) -> None:
    picture = HeldPicture(Image.new("RGB", size, "red"))
    look = CloserLook(picture, size, Embedder(FakeBackbone()))
    expected = np.array([1, -1, -1, 0.1] * 4)
    np.testing.assert_allclose(look.embedding(), expected / np.linalg.norm(expected), atol=1e-6)


@pytest.mark.parametrize("k", [1, 3, 12, 20])
@pytest.mark.parametrize("leave", [None, 5])
def test_a_class_is_as_similar_as_to_the_more_similar_of_both(k: int, leave: int | None) -> None:
    enrolled, whole, part = vectors(12, 0), vectors(6, 1), vectors(6, 2)
    snapshot = gallery_of(enrolled)
    rankings = snapshot.rank(whole, k if leave is None else k + 1)
    views = [viewed(Given(vector)) for vector in part]
    left = None if leave is None else [leave] * 6

    found = looked_closer(snapshot, rankings, views, k, left)

    for row, ranking in enumerate(found):
        both = np.stack([enrolled @ whole[row], enrolled @ part[row]])
        order = [i for i in np.argsort(-both.max(axis=0)) if i + 1 != leave][:k]
        assert ranking.class_ids.tolist() == [int(i) + 1 for i in order]
        np.testing.assert_allclose(ranking.similarities, both.max(axis=0)[order], atol=1e-6)
        assert ranking.part is not None
        assert ranking.part.class_ids == {int(i) + 1 for i in order if both[1, i] > both[0, i]}


def test_impostors_are_looked_at_as_closely() -> None:
    enrolled, shipped, whole, part = vectors(3, 0), vectors(9, 1), vectors(2, 2), vectors(2, 3)
    snapshot = gallery_of(enrolled, shipped)
    rankings = snapshot.rank(whole, 3)
    closer = looked_closer(snapshot, rankings, [viewed(Given(part[0])), None], 3)
    assert closer[1] is rankings[1]
    # A query all of whose similarities are the higher ones of both scores the same.
    least = np.stack([np.maximum(shipped @ whole[0], shipped @ part[0])])
    around = np.concatenate([np.sort(closer[0].similarities)[:-1], least[0]])
    highest = float(closer[0].similarities[0])
    lead = highest - float(closer[0].similarities[1])
    [(mean, std)] = snapshot.moments_of(closer[0].class_ids[:1])
    expected = (highest - around.mean() + 2 * lead) / (around.std() + 0.05)
    expected += 0.2 * (highest - mean) / std
    evidence = evidence_of(snapshot, whole, closer)[0]
    assert evidence is not None
    assert evidence.normalised == pytest.approx(expected, 1e-4)


def test_what_the_whole_settles_is_not_looked_at() -> None:
    enrolled = vectors(12, 0)
    closers = [Given(enrolled[1]), Given(enrolled[1])]
    queries = np.stack([enrolled[0], vectors(1, 9)[0]])
    ranked(gallery_of(enrolled), queries, [viewed(closer) for closer in closers])
    assert [closer.asked for closer in closers] == [0, 1]


@pytest.fixture
def filled(recognizer: Recognizer, make_picture: MakePicture) -> Recognizer:
    for seed in range(20):
        recognizer.enroll(str(seed), make_picture(f"{seed}.png", seed, size=64))
    return recognizer


def test_a_thing_in_the_middle_is_found_there(filled: Recognizer) -> None:
    decision = filled.recognize(photographed(7))
    assert decision.candidates[0].label == "7"
    assert decision.similarity == pytest.approx(1, abs=0.01)
    assert decision.region == pytest.approx((20, 20, 80, 80))
    assert decision.to_json()["region"] == [20.0, 20.0, 80.0, 80.0]
    whole = filled.nearest(photographed(7), k=20)
    assert max(candidate.similarity for candidate in whole) < 0.98
    itself = filled.recognize(quarters(7, 64))
    assert (itself.label, itself.region) == ("7", None)
    [many] = filled.recognize_many([photographed(7)])
    assert many == decision


def test_locating_a_thing_without_points_tells_where_the_middle_is(filled: Recognizer) -> None:
    decision = filled.recognize(photographed(7))
    assert decision.known
    [found] = filled.locate(photographed(7))
    assert (found.label, found.box) == (decision.label, decision.region)
    assert found.corners == ((20, 20), (80, 20), (80, 80), (20, 80))


def test_evaluating_looks_as_closely_as_recognising(filled: Recognizer, tmp_path: Path) -> None:
    for seed in range(20):
        path = tmp_path / "queries" / str(seed) / "photograph.png"
        path.parent.mkdir(parents=True)
        photographed(seed).save(path)
    asked = [filled.recognize(photographed(seed)) for seed in range(20)]
    right = np.mean([d.candidates[0].label == str(n) for n, d in enumerate(asked)])
    assert right > 0.9
    assert filled.evaluate(tmp_path / "queries").figures["top_1"].value == pytest.approx(right)


def test_it_is_switched_off(
    filled: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONELOOK_CLOSER_LOOK", "off")
    with Recognizer.open(filled.gallery.location.path, backbone=FakeBackbone()) as off:
        decision = off.recognize(photographed(7))
        assert decision.region is None
        assert decision.similarity == pytest.approx(off.nearest(photographed(7))[0].similarity)


@pytest.mark.parametrize(("value", "expected"), [("on", True), ("off", False), (False, False)])
def test_the_setting(value: Any, expected: bool) -> None:
    assert load_settings(closer_look=value).closer_look is expected


@pytest.mark.parametrize("value", ["", "yes", 2])
def test_a_setting_that_is_neither(value: Any) -> None:
    with pytest.raises(SettingsError, match=r"closer_look.*expected on or off, but got"):
        load_settings(closer_look=value)


def test_calibrating_looks_at_photographs_as_closely(
    recognizer: Recognizer, make_picture: MakePicture
) -> None:
    recognizer.enroll("thing", make_picture("thing.png", 1, size=64))
    snapshot, gallery = recognizer.gallery.snapshot(), recognizer.gallery
    for closer in (True, False):
        extractor = FeatureExtractor(recognizer.embedder, closer=closer)
        found = photographs_of(gallery, snapshot, extractor)
        assert found is not None
        assert found.views is not None
        assert [view.closer is not None for view in found.views] == [closer] * len(found)

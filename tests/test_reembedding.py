"""Moving a gallery to another backbone and back, with two variants of the fake one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.bulk import reembedding
from engine.errors import GalleryError, SpaceMismatchError
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from engine.types import KeepPictures, NewExample
from tests.conftest import quarters

OTHER = FakeBackbone(variant=1)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gallery of twelve classes, `thing 0` to `thing 11`."""
    monkeypatch.setenv("ONELOOK_POLL_SECONDS", "0")
    with Recognizer.open(tmp_path / "g", create=True, backbone="fake") as made:
        made.enroll_catalog((f"thing {seed}", quarters(seed)) for seed in range(12))
    return tmp_path / "g"


@pytest.fixture
def opened(place: Path) -> Iterator[Recognizer]:
    with Recognizer.open(place) as recognizer:
        yield recognizer


def vectors(recognizer: Recognizer) -> np.ndarray:
    catalog = recognizer.gallery.catalog
    batches = list(catalog.stream(lambda read: read.embeddings.stream(catalog.state().space.id)))
    return np.concatenate([batch.vectors for batch in batches])


def test_a_moved_gallery_holds_what_a_fresh_one_would(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for seed in range(12):
        quarters(seed).save(tmp_path / "pictures" / f"thing {seed:02}.png")  # kept as they are
    with (
        Recognizer.open(tmp_path / "moved", create=True, backbone="fake") as moved,
        Recognizer.open(tmp_path / "fresh", create=True, backbone=OTHER) as fresh,
    ):
        moved.enroll_catalog(tmp_path / "pictures")
        fresh.enroll_catalog(tmp_path / "pictures")
        report = moved.reembed(OTHER)
        assert np.array_equal(vectors(moved), vectors(fresh))
        assert moved.recognize(quarters(3)).label == "thing 03"
        assert moved.gallery.check() == []
    assert (report.left, report.backbone, report.embedded) == ("fake", "fake:1", 12)


def test_the_way_back_restores_vectors_pins_and_calibration(opened: Recognizer) -> None:
    opened.gallery.classes.pin("thing 2", 0.75)
    before, calibration = vectors(opened), opened.gallery.snapshot().calibration.created_at

    assert opened.reembed(OTHER).suspended_pins == 1
    assert not opened.gallery.snapshot().pins
    report = opened.undo_reembed()

    assert report.embedded == 0
    assert np.array_equal(vectors(opened), before)
    assert list(opened.gallery.snapshot().pins.values()) == [0.75]
    assert opened.gallery.snapshot().calibration.created_at == calibration


def test_what_was_enrolled_since_is_there_on_the_way_back(opened: Recognizer) -> None:
    opened.reembed(OTHER)
    opened.enroll("new", quarters(50))
    assert opened.undo_reembed().embedded == 1
    assert opened.recognize(quarters(50)).label == "new"


def test_a_move_that_was_interrupted_goes_on(
    opened: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reembedding, "BATCH", 5)
    calls = iter(range(100))

    def interrupt(_done: int) -> None:
        if next(calls) == 2:  # after two batches
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        opened.reembed(OTHER, progress=interrupt)
    assert opened.recognize(quarters(3)).label == "thing 3"
    assert opened.reembed(OTHER).embedded == 2


def test_classes_enrolled_and_removed_by_others_meanwhile_are_heeded(
    opened: Recognizer, place: Path
) -> None:
    def meanwhile(_done: int) -> None:
        with Recognizer.open(place) as other:
            if other.gallery.catalog.counts().classes == 12:
                other.enroll("late", quarters(60))
                other.gallery.classes.remove("thing 5")
                other.enroll("later", quarters(61))

    opened.reembed(OTHER, progress=meanwhile)
    assert opened.recognize(quarters(60)).label == "late"
    assert opened.recognize(quarters(61)).label == "later"
    assert opened.gallery.catalog.counts().classes == 13


def test_whoever_has_it_open_is_told_to_open_it_again(opened: Recognizer, place: Path) -> None:
    with Recognizer.open(place) as mover:
        opened.recognize(quarters(1))  # loads its backbone
        mover.reembed(OTHER)
        for use in (
            lambda: opened.recognize(quarters(1)),
            lambda: opened.nearest(quarters(1)),
            lambda: opened.verify(quarters(1), quarters(2)),
            lambda: opened.enroll("another", quarters(70)),
            lambda: opened.enroll_catalog([("another", quarters(70))]),
        ):
            with pytest.raises(SpaceMismatchError, match="open it again"):
                use()
        assert mover.gallery.catalog.counts().examples == 12
    with Recognizer.open(place) as again:
        assert again.recognize(quarters(1)).label == "thing 1"


def test_a_gallery_without_pictures_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    with Recognizer.open(
        tmp_path / "bare", create=True, backbone="fake", keep_pictures="none"
    ) as bare:
        bare.enroll("thing", quarters(0))
        with pytest.raises(GalleryError, match="1 of 1 examples were not kept"):
            bare.reembed(OTHER)
        assert bare.recognize(quarters(0)).label == "thing"


def test_reduced_copies_are_counted(opened: Recognizer) -> None:
    opened.enroll("large", Image.new("RGB", (900, 700), (250, 10, 40)))
    assert opened.reembed(OTHER).reduced == 1


def test_the_same_backbone_and_a_way_back_that_is_not_there_are_refused(
    opened: Recognizer,
) -> None:
    with pytest.raises(GalleryError, match="already"):
        opened.reembed("fake")
    with pytest.raises(GalleryError, match="no vectors of an earlier backbone"):
        opened.undo_reembed()


def test_old_vectors_go_when_asked_and_at_the_move_after_next(opened: Recognizer) -> None:
    opened.reembed(OTHER)
    assert opened.gallery.spaces.drop_others() == 1
    with pytest.raises(GalleryError, match="no vectors of an earlier backbone"):
        opened.undo_reembed()
    opened.reembed("fake:2")
    opened.reembed("fake:3")
    with opened.gallery.catalog.read() as reader:
        kept = reader.spaces.ids()
    assert sorted(kept) == sorted([FakeBackbone(2).space.id, FakeBackbone(3).space.id])


def test_counterexamples_go_along_where_their_pictures_are_kept(opened: Recognizer) -> None:
    opened.reject(quarters(50), "thing 2")
    bare = example("", quarters(51), opened)
    opened.gallery.counterexamples.add(bare, "thing 2")

    report = opened.reembed(OTHER)

    assert report.suspended_counterexamples == 1
    table = opened.gallery.snapshot().counterexamples
    moved = opened.gallery.snapshot().projection.apply_queries(opened.embed([quarters(50)]))
    np.testing.assert_allclose(table.vectors, moved, atol=0.02)  # from a JPEG
    assert len(opened.gallery.counterexamples.listed("thing 2")) == 2
    opened.undo_reembed()
    assert len(opened.gallery.snapshot().counterexamples) == 2


def example(label: str, picture: Image.Image, recognizer: Recognizer) -> NewExample:
    """A picture of which no copy is kept."""
    features = recognizer.features
    [found] = features.features([features.prepare_example(picture, KeepPictures.NONE)])
    return found.example(label, "bare.png")

"""The façade, end to end with the fake backbone."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import (
    DuplicateImageError,
    GalleryError,
    GalleryNotFoundError,
    ImageError,
    SettingsError,
    SpaceMismatchError,
)
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from engine.types import EnrolmentStatus, KeepPictures, Reason, Reject
from tests.conftest import Held, MakePicture, quarters


def test_an_enrolled_picture_is_recognised(
    recognizer: Recognizer, make_picture: MakePicture
) -> None:
    for seed in range(30):
        recognizer.enroll(f"thing {seed}", make_picture(f"{seed}.png", seed))

    decision = recognizer.recognize(make_picture("query.png", 7, size=64))

    assert decision.label == "thing 7"
    assert decision.reason is Reason.ACCEPTED
    assert decision.similarity == pytest.approx(1.0, abs=1e-4)
    assert len(decision.candidates) == 5


def test_an_empty_gallery_knows_nothing(recognizer: Recognizer) -> None:
    decision = recognizer.recognize(quarters(1))

    assert decision.label is None
    assert decision.reason is Reason.EMPTY_GALLERY
    assert recognizer.nearest(quarters(1)) == []


@pytest.mark.parametrize("classes", [1, 2, 10])
def test_small_galleries_know_their_own_and_refuse_the_opposite(
    recognizer: Recognizer, classes: int
) -> None:
    for seed in range(classes):
        recognizer.enroll(str(seed), quarters(seed))

    assert recognizer.recognize(quarters(0)).label == "0"
    opposite = Image.fromarray(255 - np.asarray(quarters(0)))
    assert recognizer.recognize(opposite).label is None


@pytest.mark.parametrize("kind", ["path", "bytes", "file", "image", "array"])
def test_pictures_come_in_any_form(
    recognizer: Recognizer, make_picture: MakePicture, kind: str
) -> None:
    path = make_picture("a.png", 1)
    image = {
        "path": str(path),
        "bytes": path.read_bytes(),
        "file": io.BytesIO(path.read_bytes()),
        "image": quarters(1),
        "array": np.asarray(quarters(1)),
    }[kind]
    recognizer.enroll("a", path)

    [nearest] = recognizer.nearest(image, k=1)

    assert nearest.label == "a"
    assert nearest.similarity == pytest.approx(1.0, abs=1e-4)


def test_decisions_come_in_order_and_lazily(recognizer: Recognizer) -> None:
    for seed in range(3):
        recognizer.enroll(str(seed), quarters(seed))
    taken = []

    def stream() -> object:
        for seed in range(1000):
            taken.append(seed)
            yield quarters(seed % 3)

    decisions = recognizer.recognize_many(stream())  # type: ignore[arg-type]
    first = [next(decisions).candidates[0].label for _ in range(4)]

    assert first == ["0", "1", "2", "0"]
    assert len(taken) <= 32


def test_a_batch_is_decided_without_blas_threads_which_would_spin_on(
    recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer.enroll("a", quarters(1))
    alone, seen = Held(), []
    decide = recognizer._decided

    def watched(*given: object) -> object:
        seen.append(alone.now)
        return decide(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(recognizer, "_decided", watched)
    monkeypatch.setattr("engine.recognizer.streams.every_core_busy", alone)

    stream = recognizer.recognize_many([quarters(1), quarters(2)])
    next(stream)

    assert (seen, alone.now) == ([1], 0)


def test_one_unreadable_picture_among_many_is_an_error_line(recognizer: Recognizer) -> None:
    recognizer.enroll("a", quarters(1))

    outcomes = list(recognizer.try_recognize_many([quarters(1), b"no picture", quarters(1)]))

    assert [isinstance(outcome, Reject) for outcome in outcomes] == [False, True, False]
    with pytest.raises(ImageError):
        list(recognizer.recognize_many([b"no picture"]))


def test_a_catalog_is_enrolled_and_enrolled_again(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    for seed in range(40):
        make_picture(f"catalog/thing {seed}.png", seed)
    (tmp_path / "catalog" / "broken.jpg").write_bytes(b"not a picture")
    done = []

    first = recognizer.enroll_catalog(tmp_path / "catalog", progress=done.append)
    again = recognizer.enroll_catalog(tmp_path / "catalog")

    assert (first.added, first.rejected, first.unchanged) == (40, 1, 0)
    assert (again.added, again.rejected, again.unchanged) == (0, 1, 40)
    assert sum(done) == 41
    assert "broken.jpg" in first.rejects[0].source
    assert [r.source for r in recognizer.gallery.catalog.ask(lambda read: read.rejects())] == [
        first.rejects[0].source
    ]


def test_a_changed_file_replaces_its_example_and_a_vanished_one_is_pruned(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    paths = [make_picture(f"catalog/{seed}.png", seed) for seed in range(4)]
    recognizer.enroll_catalog(tmp_path / "catalog")
    make_picture("catalog/0.png", 100)
    paths[1].unlink()
    paths[2].write_bytes(b"spoilt")

    report = recognizer.enroll_catalog(tmp_path / "catalog", prune=True)

    assert (report.replaced, report.pruned, report.unchanged, report.rejected) == (1, 1, 1, 1)
    labels = set(recognizer.gallery.catalog.ask(lambda read: read.classes.labels()).values())
    assert labels == {"0", "2", "3"}  # the spoilt file's earlier example stays


def test_a_bad_picture_can_stop_the_run(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    make_picture("catalog/a.png", 1)
    (tmp_path / "catalog" / "b.png").write_bytes(b"")

    with pytest.raises(ImageError, match=r"b\.png"):
        recognizer.enroll_catalog(tmp_path / "catalog", stop_on_error=True)


def test_a_duplicate_is_refused_by_name(recognizer: Recognizer) -> None:
    recognizer.enroll("a", quarters(1))

    with pytest.raises(DuplicateImageError, match="already enrolled as 'a'"):
        recognizer.enroll("b", quarters(1))
    assert recognizer.enroll("a", quarters(1)).status is EnrolmentStatus.UNCHANGED


def test_attributes_and_pictures_are_kept(tmp_path: Path) -> None:
    with Recognizer.open(
        tmp_path / "g.gallery", create=True, backbone=FakeBackbone(), keep_pictures="bounded"
    ) as recognizer:
        enrolment = recognizer.enroll("a", quarters(1, size=1200), attributes={"price": 3})
        catalog = recognizer.gallery.catalog
        picture = catalog.picture(enrolment.example_id)

        assert catalog.ask(lambda read: read.classes.by_label("a")).attributes == {"price": 3}
        assert picture is not None
        assert max(Image.open(io.BytesIO(picture)).size) == 512


def test_pictures_are_not_kept_when_not_wanted(tmp_path: Path) -> None:
    with Recognizer.open(
        tmp_path / "g.gallery",
        create=True,
        backbone=FakeBackbone(),
        keep_pictures=KeepPictures.NONE,
    ) as recognizer:
        enrolment = recognizer.enroll("a", quarters(1))

        assert recognizer.gallery.catalog.picture(enrolment.example_id) is None


def test_verifying_compares_two_pictures(recognizer: Recognizer) -> None:
    assert recognizer.verify(quarters(1), quarters(1)).same is None  # no gallery to say
    for seed in range(20):
        recognizer.enroll(str(seed), quarters(seed))

    same = recognizer.verify(quarters(50), quarters(50, size=64))
    different = recognizer.verify(quarters(50), quarters(51))

    assert same.similarity == pytest.approx(1.0, abs=1e-4)
    assert same.same is True
    assert different.same is False


def test_only_enrolment_creates_a_gallery(tmp_path: Path) -> None:
    with pytest.raises(GalleryNotFoundError, match="there is nothing at that path"):
        Recognizer.open(tmp_path / "mistyped")
    assert not (tmp_path / "mistyped").exists()


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(GalleryError, match="not empty"):
        Recognizer.open(tmp_path, create=True, backbone=FakeBackbone())
    with pytest.raises(GalleryNotFoundError, match=r"holds no catalog\.sqlite"):
        Recognizer.open(tmp_path)


def test_another_backbone_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "g.gallery"
    Recognizer.open(path, create=True, backbone=FakeBackbone()).close()

    with pytest.raises(SpaceMismatchError, match="Open it with backbone 'fake'"):
        Recognizer.open(path, backbone=FakeBackbone(variant=1))
    with Recognizer.open(path) as recognizer:  # by itself it takes the one that filled it
        assert recognizer.backbone.name == "fake"


def test_a_bad_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONELOOK_BATCH_SIZE", "many")

    with pytest.raises(SettingsError, match=r"ONELOOK_BATCH_SIZE.*'many'"):
        Recognizer.open(tmp_path / "g.gallery")


def test_asking_for_no_candidates_is_refused(recognizer: Recognizer) -> None:
    with pytest.raises(ValueError, match="k of at least 1"):
        recognizer.nearest(quarters(1), k=0)


def test_a_decision_cites_its_calibration_and_space(recognizer: Recognizer) -> None:
    for seed in range(30):
        recognizer.enroll(str(seed), quarters(seed))

    decision = recognizer.recognize(quarters(3))

    assert "left-out classes" in decision.calibration
    assert "target FPIR 0.05" in decision.calibration
    assert decision.space == recognizer.gallery.catalog.state().space.id


def test_a_growing_gallery_rewrites_no_other_class(recognizer: Recognizer) -> None:
    recognizer.enroll_catalog((str(seed), quarters(seed)) for seed in range(70))
    catalog = recognizer.gallery.catalog
    space = recognizer.gallery.snapshot().space_id
    before = catalog.ask(lambda read: read.learned.statistics(space))

    recognizer.enroll("one more", quarters(1000))

    after = catalog.ask(lambda read: read.learned.statistics(space))
    assert {class_id: after[class_id] for class_id in before} == before
    assert len(after) == len(before) + 1

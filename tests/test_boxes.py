"""A part of a picture in a picture's place: the same as a picture cut by hand."""

from __future__ import annotations

import hashlib
import io
import math
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine import Box, Crop
from engine.errors import DuplicateImageError, ImageError, SettingsError
from engine.images import ImageLimits, content_hash, decoded_size, load_image
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from engine.testing.pictures import corner_colours, corners, encoded, noise, poster, seen
from engine.types import EnrolmentStatus, ExampleRecord, KeepPictures
from tests.conftest import quarters

PART = (40, 20, 72, 52)


def shelf(*seeds: int) -> Image.Image:
    """Things of 32 by 32 pixels in a row on grey, 40 pixels apart; see `place`."""
    picture = Image.new("RGB", (40 * len(seeds) + 40, 72), (90, 90, 90))
    for number, seed in enumerate(seeds):
        picture.paste(quarters(seed), place(number)[:2])
    return picture


def place(number: int) -> tuple[int, int, int, int]:
    """Where a thing lies on the shelf."""
    return (40 * number + 4, 20, 40 * number + 36, 52)


def examples_of(recognizer: Recognizer) -> list[ExampleRecord]:
    return recognizer.gallery.catalog.ask(lambda read: read.examples.listed())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((10, 20, 300, 400), "10,20,300,400"),
        ("10,20,300,400", "10,20,300,400"),
        (np.array([10.4, 19.6, 300, 400]), "10,20,300,400"),
        ([0.25, 0, 0.5, 1], "0.25,0,0.5,1"),
        ((0.1, 0.2, 1.000001, 1), "0.1,0.2,1.000001,1"),
        ((-3, 0, 30, 40), "-3,0,30,40"),
    ],
)
def test_a_box_is_read_and_told_the_same(given: Any, told: str) -> None:
    assert str(Box.of(given)) == told
    assert Box.of(told) == Box.of(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((10, 20, 300), "four numbers"),
        ((10, 20, 300, 400, 5), "four numbers"),
        ("10 20 300 400", "four numbers"),
        ("a,b,c,d", "four numbers"),
        (None, "four numbers"),
        ({"x0": 1}, "four numbers"),
        ((True, False, True, True), "four numbers"),
        ((0, 0, math.nan, 5), "finite"),
        ((0, 0, math.inf, 5), "finite"),
        ((300, 20, 10, 400), "encloses nothing"),
        ((10, 20, 10, 400), "encloses nothing"),
        ((0.1, 0.2, 0.9, 400), "mixes"),
        ((10.2, 3, 10.4, 9), "less than a pixel"),
    ],
)
def test_what_is_no_box_is_refused(given: Any, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Box.of(given)


@pytest.mark.parametrize(
    ("box", "pixels"),
    [
        ((2, 3, 50, 40), (2, 3, 50, 40)),
        ((0.5, 0, 1, 0.5), (50, 0, 100, 40)),
        ((-10, -10, 50, 40), (0, 0, 50, 40)),
        ((60, 50, 110, 90), (60, 50, 100, 80)),
    ],
)
def test_what_lies_in_the_picture_is_meant(box: Any, pixels: tuple[int, ...]) -> None:
    assert Box.of(box).within("a.png", 100, 80) == pixels


@pytest.mark.parametrize("box", [(100, 0, 150, 50), (60, 0, 190, 80), (-90, 0, 80, 20)])
def test_a_box_that_mostly_lies_outside_was_drawn_on_another_picture(box: Any) -> None:
    with pytest.raises(ImageError, match=r"a\.png.* within its 100 × 80 pixels"):
        Box.of(box).within("a.png", 100, 80)


def test_a_part_is_the_pixels_that_pillow_cuts_out(tmp_path: Path) -> None:
    picture = noise(100, 80)
    picture.save(tmp_path / "a.png")
    by_hand = np.asarray(picture.crop(PART))
    data = (tmp_path / "a.png").read_bytes()

    for source in (tmp_path / "a.png", data, io.BytesIO(data), picture, np.asarray(picture)):
        loaded = load_image(Crop(source, Box.of(PART)))
        assert np.array_equal(np.asarray(loaded.pixels), by_hand)
        assert (loaded.width, loaded.height, loaded.corner) == (32, 32, (40, 20))
        assert loaded.whole == (100, 80)


def test_boxes_count_in_the_upright_picture() -> None:
    upright = Image.fromarray(corners(32, 16))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = upright.transpose(Image.Transpose.ROTATE_90)  # as the sensor saw it
    for kind in ("PNG", "JPEG", "TIFF"):
        data = encoded(turned, kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {}))
        right = load_image(Crop(data, Box.of((0.5, 0, 1, 0.5)))).pixels
        assert right.size == (16, 8)
        assert np.abs(np.array(corner_colours(right)) - (0, 255, 0)).max() < 40


def test_a_large_jpeg_keeps_the_pixels_of_a_small_part() -> None:
    data = encoded(poster(4000, 3000), "JPEG", quality=95)
    box = Box.of((400, 300, 1000, 900))
    by_hand = Image.open(io.BytesIO(data)).crop((400, 300, 1000, 900))

    part = load_image(Crop(data, box), min_side_hint=512)

    assert part.pixels.size == by_hand.size
    assert np.array_equal(np.asarray(part.pixels), np.asarray(by_hand))
    assert load_image(data, min_side_hint=512).pixels.size == (1000, 750)
    assert decoded_size(Crop(data, box)) == 4000 * 3000
    assert decoded_size(data) == 1000 * 750


def test_a_part_has_a_content_of_its_own(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        path = tmp_path / name
        noise(100, 80).save(path)
        whole = hashlib.sha256(path.read_bytes()).hexdigest()

        assert content_hash(Crop(path, Box.of((0, 0, 1, 1)))) == whole
        assert content_hash(Crop(path, Box.of((-1, 0, 101, 80)))) == whole
        part = content_hash(Crop(path, Box.of(PART)))
        assert part == load_image(Crop(path, Box.of(PART))).content_hash
        assert part == content_hash(Crop(path, Box.of((0.4, 0.25, 0.72, 0.65))))
        assert len({whole, part, content_hash(Crop(path, Box.of((41, 20, 72, 52))))}) == 3


def test_a_part_of_a_part_is_refused_and_a_part_can_be_sent() -> None:
    with pytest.raises(SettingsError, match="the part 40,20,72,52 of a picture already"):
        Crop(Crop("a.png", Box.of(PART)), Box.of(PART))
    sent = pickle.loads(pickle.dumps(Crop("a.png", (1, 2, 30, 40))))  # type: ignore[arg-type]
    assert (sent.image, sent.box) == ("a.png", Box(1, 2, 30, 40))


def test_enrolling_a_part_is_enrolling_the_picture_cut_by_hand(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    shelf(1, 2, 3).save(tmp_path / "shelf.png")
    cut = shelf(1, 2, 3).crop(place(1))

    recognizer.enroll("two", tmp_path / "shelf.png", box=place(1))

    [example] = examples_of(recognizer)
    assert example.source == f"{tmp_path}/shelf.png#box=44,20,76,52"
    assert (example.box, example.width, example.height) == (Box(44, 20, 76, 52), 32, 32)
    kept = recognizer.gallery.catalog.picture(example.id)
    assert kept is not None
    assert Image.open(io.BytesIO(kept)).size == (32, 32)
    [near] = recognizer.nearest(cut)
    assert near.similarity == pytest.approx(1, abs=1e-6)
    [near] = recognizer.nearest(tmp_path / "shelf.png", box=place(1))
    assert near.similarity == pytest.approx(1, abs=1e-6)
    [whole] = recognizer.nearest(tmp_path / "shelf.png")
    assert whole.similarity < 0.99


def test_a_file_with_two_boxes_is_two_examples_and_enrolling_again_changes_nothing(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    shelf(1, 2, 2).save(tmp_path / "shelf.png")
    listed = [
        (label, Crop(tmp_path / "shelf.png", Box.of(place(number))))
        for number, label in enumerate(["one", "two", "two"])
    ]

    first = recognizer.enroll_catalog(listed)
    again = recognizer.enroll_catalog(listed)

    assert (first.added, first.rejected) == (3, 0)
    assert (again.added, again.replaced, again.unchanged) == (0, 0, 3)
    with pytest.raises(DuplicateImageError, match="already enrolled as 'one'"):
        recognizer.enroll("three", tmp_path / "shelf.png", box=place(0))


def test_a_corrected_box_takes_the_place_of_the_former_one(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    shelf(1, 2).save(tmp_path / "shelf.png")
    table = tmp_path / "list.csv"
    header = "path,label,x0,y0,x1,y1\n"
    table.write_text(f"{header}shelf.png,one,4,20,36,52\nshelf.png,two,44,20,76,52\n")
    assert recognizer.enroll_catalog(table).added == 2

    table.write_text(f"{header}shelf.png,one,4,20,36,52\nshelf.png,two,45,21,75,51\n")
    report = recognizer.enroll_catalog(table, prune=True)

    assert (report.added, report.unchanged, report.pruned) == (1, 1, 1)
    boxes = {e.label: str(e.box) for e in examples_of(recognizer)}
    assert boxes == {"one": "4,20,36,52", "two": "45,21,75,51"}


def test_a_picture_that_changed_replaces_its_parts(recognizer: Recognizer, tmp_path: Path) -> None:
    shelf(1, 2).save(tmp_path / "shelf.png")
    part = [("one", Crop(tmp_path / "shelf.png", Box.of(place(0))))]
    recognizer.enroll_catalog(part)

    shelf(3, 2).save(tmp_path / "shelf.png")
    report = recognizer.enroll_catalog(part)

    assert (report.replaced, report.added) == (1, 0)
    [near] = recognizer.nearest(quarters(3))
    assert near.similarity == pytest.approx(1, abs=1e-6)


def test_parts_follow_a_folder_that_was_moved(recognizer: Recognizer, tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    shelf(1, 2).save(tmp_path / "before" / "shelf.png")
    table = tmp_path / "before" / "list.csv"
    table.write_text("path,label,x0,y0,x1,y1\nshelf.png,one,4,20,36,52\nshelf.png,two,,,,\n")
    recognizer.enroll_catalog(table)

    (tmp_path / "before").rename(tmp_path / "now")
    report = recognizer.enroll_catalog(tmp_path / "now" / "list.csv", prune=True)

    assert (report.unchanged, report.added, report.pruned) == (2, 0, 0)
    sources = {example.source for example in examples_of(recognizer)}
    whole = f"{tmp_path}/now/shelf.png"
    assert sources == {whole, f"{whole}#box=4,20,36,52"}


@pytest.mark.parametrize("keep", list(KeepPictures))
def test_parts_are_kept_exported_and_embedded_anew(tmp_path: Path, keep: KeepPictures) -> None:
    place_of = tmp_path / "g.gallery"
    part = Crop(shelf(1, 2), Box.of(place(0)))
    with Recognizer.open(
        place_of, create=True, backbone=FakeBackbone(), keep_pictures=keep
    ) as recognizer:
        recognizer.enroll("one", part)
        recognizer.enroll("two", quarters(7))
        if keep is not KeepPictures.NONE:
            [example, _] = examples_of(recognizer)
            kept = recognizer.gallery.catalog.picture(example.id)
            assert kept is not None
            assert recognizer.nearest(kept)[0].similarity > 0.99
        recognizer.gallery.export(tmp_path / "all.parquet")
    with Recognizer.open(
        tmp_path / "other", create=True, backbone=FakeBackbone(), keep_pictures=keep
    ) as other:
        other.gallery.import_export(tmp_path / "all.parquet")
        boxes = {example.label: example.box for example in examples_of(other)}
        assert boxes == {"one": Box(4, 20, 36, 52), "two": None}
        assert other.enroll("one", part).status is EnrolmentStatus.UNCHANGED
        if keep is not KeepPictures.NONE:
            other.reembed(FakeBackbone(variant=1))
            assert other.nearest(quarters(1))[0].similarity > 0.99


def test_a_warning_is_about_the_part(recognizer: Recognizer) -> None:
    picture = poster(400, 300)
    picture.paste((200, 30, 40), (0, 0, 100, 100))

    assert recognizer.enroll("blank", picture, box=(0, 0, 100, 100)).warnings
    assert not recognizer.enroll("whole", picture).warnings


@pytest.fixture(scope="module")
def prints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recognizer]:
    """A gallery of prints that were enrolled from parts of larger pictures, on grey."""
    folder = tmp_path_factory.mktemp("prints") / "g.gallery"
    with Recognizer.open(folder, create=True, backbone=FakeBackbone()) as recognizer:
        for seed in range(6):
            ground = Image.new("RGB", (700, 500), (90, 90, 90))
            ground.paste(poster(seed=seed), (250, 150))
            recognizer.enroll(f"print {seed}", ground, box=(250, 150, 650, 450))
        yield recognizer


CORNERS = [[520, 130], [820, 100], [840, 340], [500, 330]]


def test_an_outline_is_told_in_the_whole_pictures_pixels(prints: Recognizer) -> None:
    view = seen(poster(seed=2), CORNERS, (1000, 500))

    whole = prints.recognize(view)
    part = prints.recognize(view, box=(450, 60, 900, 400))

    for decision in (whole, part):
        assert decision.location is not None
        assert np.abs(np.array(decision.location.corners) - CORNERS).max() < 6
        assert np.abs(np.array(decision.location.box) - (500, 100, 840, 340)).max() < 6


def test_what_is_located_in_a_part_is_told_in_the_whole_pictures_pixels(
    prints: Recognizer,
) -> None:
    view = seen(poster(seed=2), CORNERS, (1000, 500))
    view = seen(poster(seed=4), [[40, 40], [340, 60], [330, 280], [30, 270]], (1000, 500), view)

    [finding] = prints.locate(view, box=(450, 60, 900, 400))
    everything = prints.locate(view)

    assert finding.label == "print 2"
    assert np.abs(np.array(finding.corners) - CORNERS).max() < 6
    assert {each.label for each in everything} == {"print 2", "print 4"}
    assert prints.locate(view, box=(450, 60, 900, 400)).width == 1000
    assert finding.decision.location is not None
    assert finding.decision.location.corners == finding.corners


def test_a_stream_may_hold_parts_beside_pictures(recognizer: Recognizer) -> None:
    view = shelf(1, 2)
    recognizer.enroll("one", view, box=place(0))
    recognizer.enroll("two", view, box=place(1))
    asked = [Crop(view, Box.of(place(1))), quarters(1), Crop(view, Box.of((500, 0, 600, 40)))]

    second, first, outside = recognizer.try_recognize_many(asked)

    assert [second.candidates[0].label, first.candidates[0].label] == ["two", "one"]  # type: ignore[union-attr]
    assert second.source == "<image>#box=44,20,76,52"
    assert "within its 120 × 72 pixels" in outside.reason
    assert recognizer.verify(asked[0], quarters(2)).similarity == pytest.approx(1, abs=1e-6)


def test_a_part_of_a_picture_beyond_the_limits_is_refused(tmp_path: Path) -> None:
    noise(100, 80).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match="more than the limit"):
        load_image(
            Crop(tmp_path / "a.png", Box.of((0, 0, 10, 10))), limits=ImageLimits(max_pixels=1000)
        )

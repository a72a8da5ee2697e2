"""Several things in one picture: each found once, boxed, named, or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from typer.testing import CliRunner

from engine.cli.app import app
from engine.errors import FilterError, ImageError
from engine.findings import Findings
from engine.recognizer import Recognizer
from engine.server.client import Client
from engine.server.options import ServerOptions
from engine.synthesis import synthesize
from engine.testing.fake_backbone import FakeBackbone
from engine.testing.pictures import encoded, poster, seen
from tests.conftest import quarters
from tests.server.conftest import running

CLASSES = 8
SHELF = (
    [[60, 80], [330, 60], [340, 270], [70, 280]],
    [[620, 70], [900, 110], [880, 330], [600, 280]],
    [[100, 420], [380, 400], [420, 640], [90, 630]],
    [[650, 440], [900, 400], [950, 600], [680, 650]],
)
SIZE = (1000, 750)
SHOPS = ("north", "south")
PRINTS = ["print 0", "print 2", "print 5", "print 7"]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recognizer]:
    """A gallery of prints; nothing writes to it."""
    place = tmp_path_factory.mktemp("located") / "g.gallery"
    with Recognizer.open(place, create=True, backbone=FakeBackbone()) as recognizer:
        recognizer.enroll_catalog([(f"print {seed}", poster(seed=seed)) for seed in range(CLASSES)])
        for seed in range(CLASSES):
            recognizer.gallery.classes.set_attributes(f"print {seed}", {"shop": SHOPS[seed // 4]})
        yield recognizer


def shelf(seeds: tuple[int, ...]) -> Image.Image:
    """Prints in one picture, each in its place."""
    view: Image.Image | None = None
    for seed, corners in zip(seeds, SHELF, strict=False):
        view = seen(poster(seed=seed), corners, SIZE, view)
    assert view is not None
    return view


def overlap(first: npt.ArrayLike, second: npt.ArrayLike, size: tuple[int, int] = SIZE) -> float:
    """Intersection over union of two outlines, counted in pixels."""
    import cv2

    masks = [np.zeros(size[::-1], np.uint8) for _ in range(2)]
    for mask, outline in zip(masks, (first, second), strict=True):
        cv2.fillConvexPoly(mask, np.rint(np.asarray(outline, np.float64)).astype(np.int32), 1)
    return float((masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum())


def test_four_prints_in_one_picture_are_all_found(filled: Recognizer) -> None:
    found = filled.locate(shelf((5, 2, 7, 0)))
    assert sorted(f.label or "" for f in found) == PRINTS
    for seed, corners in zip((5, 2, 7, 0), SHELF, strict=True):
        [finding] = [f for f in found if f.label == f"print {seed}"]
        assert overlap(finding.corners, corners) > 0.9
        assert finding.inliers >= 10
        assert finding.similarity == finding.decision.candidates[0].similarity


def test_copies_of_one_class_are_all_found(filled: Recognizer) -> None:
    found = filled.locate(shelf((3, 3, 3, 3)))
    assert [f.label for f in found] == ["print 3"] * 4
    for corners in SHELF:
        assert max(overlap(f.corners, corners) for f in found) > 0.85


def test_strangers_beside_known_things_are_left_out(filled: Recognizer) -> None:
    found = filled.locate(shelf((100, 4, 101, 102)))
    assert [f.label for f in found] == ["print 4"]


def test_a_picture_of_strangers_shows_nothing(filled: Recognizer) -> None:
    assert len(filled.locate(shelf((100, 101, 102, 103)))) == 0


def test_the_most_certain_comes_first(filled: Recognizer) -> None:
    found = filled.locate(shelf((5, 2, 7, 0)))
    above = [f.decision.score - f.decision.threshold for f in found]  # type: ignore[operator]
    assert above == sorted(above, reverse=True)


def test_only_classes_that_a_filter_keeps_are_found(filled: Recognizer) -> None:
    found = filled.locate(shelf((5, 2, 7, 0)), where={"shop": "south"})
    assert sorted(f.label or "" for f in found) == ["print 5", "print 7"]
    with pytest.raises(FilterError):
        filled.locate(poster(), where={"colour": "red"})


def test_a_stranger_rate_is_the_pictures(filled: Recognizer) -> None:
    """At its threshold, a finding's stranger rate is the target of the picture as a whole."""
    snapshot = filled.gallery.snapshot()
    found = filled.locate(shelf((5, 2, 7, 0)))
    for finding in found:
        assert finding.stranger_rate is not None
        assert finding.stranger_rate < snapshot.target_fpir
    level = snapshot.calibration.level(snapshot.target_fpir / len(found), snapshot.classes)
    alone = snapshot.calibration.stranger_rate(level, snapshot.classes)
    assert 4 * alone == pytest.approx(snapshot.target_fpir)
    [single] = filled.locate(shelf((5, 100, 101, 102)))
    [again] = [f for f in found if f.label == "print 5"]
    assert single.stranger_rate is not None
    assert again.stranger_rate is not None
    assert again.stranger_rate > single.stranger_rate


def test_a_picture_without_points_is_recognised_as_a_whole(tmp_path: object) -> None:
    with Recognizer.open(f"{tmp_path}/g", create=True, backbone=FakeBackbone()) as recognizer:
        for seed in range(12):
            recognizer.enroll(str(seed), quarters(seed))
        [finding] = recognizer.locate(quarters(7))
        assert finding.label == "7"
        assert finding.box == (0, 0, *quarters(7).size)
        assert finding.inliers == 0


def test_an_empty_gallery_finds_nothing(tmp_path: object) -> None:
    with Recognizer.open(f"{tmp_path}/g", create=True, backbone=FakeBackbone()) as recognizer:
        assert len(recognizer.locate(poster())) == 0


def test_outlines_overlap_the_truth_on_synthetic_photographs(filled: Recognizer) -> None:
    overlaps = []
    for seed in range(5):
        picture = np.asarray(poster(seed=seed))
        photograph = synthesize(picture, 40 + seed, strength=0.7, size=640)
        mine = [f for f in filled.locate(photograph.pixels) if f.label == f"print {seed}"]
        overlaps.append(overlap(mine[0].corners, photograph.corners, (640, 640)) if mine else 0.0)
    assert np.median(overlaps) >= 0.8


@pytest.fixture(scope="module")
def shelved(filled: Recognizer) -> Findings:
    return filled.locate(shelf((5, 2, 7, 0)))


def test_plain_arrays(shelved: Findings) -> None:
    arrays = shelved.to_arrays()
    assert arrays.xyxy.shape == (4, 4)
    assert arrays.xyxy.dtype == arrays.confidence.dtype == np.float32
    assert arrays.labels.tolist() == [f.label for f in shelved]
    assert (arrays.xyxy >= 0).all()
    assert (arrays.xyxy <= [1000, 750, 1000, 750]).all()


def test_coco_results(shelved: Findings) -> None:
    results = shelved.to_coco(12)
    assert [set(r) for r in results] == [
        {"image_id", "category_id", "bbox", "segmentation", "score"}
    ] * 4
    left, top, right, bottom = shelved.to_arrays().xyxy[0].tolist()
    expected = [left, top, right - left, bottom - top]
    np.testing.assert_allclose(results[0]["bbox"], expected, atol=0.02)
    assert results[0]["image_id"] == 12


def test_json_tells_the_decision_and_the_place(shelved: Findings) -> None:
    told = shelved.to_json()
    assert (told["width"], told["height"]) == SIZE
    assert {"label", "score", "threshold", "box", "corners", "inliers"} <= set(told["findings"][0])


def test_the_command_tells_draws_and_exports(filled: Recognizer, tmp_path: Path) -> None:
    shelf((5, 2, 7, 0)).save(tmp_path / "shelf.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    options = ["-g", str(filled.gallery.location), "--draw", str(tmp_path / "drawn")]
    options += ["--coco", str(tmp_path / "coco.json"), "--backbone", "fake", "--json"]
    pictures = [str(tmp_path / name) for name in ("shelf.png", "broken.png")]
    told = CliRunner().invoke(app, ["locate", *pictures, *options])
    assert told.exit_code == 3, told.output
    found, broken = (json.loads(line) for line in told.stdout.splitlines())
    assert sorted(f["label"] for f in found["findings"]) == PRINTS
    assert broken["findings"] == []
    assert broken["error"]
    [drawn] = (tmp_path / "drawn").iterdir()
    with Image.open(drawn) as picture:
        assert picture.size == SIZE
        assert np.any(np.asarray(picture) != np.asarray(shelf((5, 2, 7, 0))))
    coco = json.loads((tmp_path / "coco.json").read_text())
    assert len(coco["images"]) == 1
    assert sorted(c["name"] for c in coco["categories"]) == PRINTS
    assert len(coco["annotations"]) == 4


def test_the_command_finds_what_a_filter_keeps(filled: Recognizer, tmp_path: Path) -> None:
    shelf((5, 2, 7, 0)).save(tmp_path / "shelf.png")
    command = ["locate", str(tmp_path / "shelf.png"), "-g", str(filled.gallery.location)]
    told = CliRunner().invoke(app, [*command, "--where", "shop=south", "--backbone", "fake"])
    assert told.exit_code == 0, told.output
    assert sorted(line.split("\t")[1] for line in told.stdout.splitlines()[1:]) == [
        "print 5",
        "print 7",
    ]


def test_the_service_and_its_client(filled: Recognizer) -> None:
    shelved, grey = encoded(shelf((5, 2, 7, 0)), "PNG"), encoded(Image.new("RGB", (64, 64)), "PNG")
    pictures = [shelved, b"broken", grey]
    with (
        running(filled, ServerOptions(rate=0)) as service,
        Client(service.url, timeout=120) as client,
    ):
        results = client.locate_many(pictures)
        southern = client.locate(shelved, where={"shop": "south"})
        with pytest.raises(FilterError):
            client.locate(shelved, where={"colour": "red"})
        with pytest.raises(ImageError):
            client.locate(b"broken")
    assert sorted(f.label or "" for f in results[0].findings) == PRINTS
    assert (results[0].width, results[0].height) == SIZE
    assert len(results[0].findings[0].corners) == 4
    assert all(f.stranger_rate is not None for f in results[0].findings)
    assert sorted(f.label or "" for f in southern.findings) == ["print 5", "print 7"]
    assert results[1].error
    assert results[2].findings == []

"""Local features, end to end: stored, followed, counted in every verdict, exported, filled in.

The fake backbone sees four mean colours, so that a print photographed from aside on a grey table
resembles nothing that is enrolled: whatever is recognised here, local features recognised.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from engine.bulk.local_filling import fill_local_features
from engine.cli.app import app
from engine.errors import SettingsError
from engine.evaluation.explanation.explain import explain
from engine.gallery import Gallery
from engine.recognizer import Recognizer, compare
from engine.testing.fake_backbone import FakeBackbone
from engine.testing.pictures import poster, seen
from engine.types import Decision
from tests.conftest import quarters

CORNERS = [[250, 120], [560, 90], [600, 420], [270, 380]]
CLASSES = 8


def photographed(seed: int) -> Image.Image:
    return seen(poster(seed=seed), CORNERS)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recognizer]:
    """A gallery of prints; nothing writes to it."""
    place = tmp_path_factory.mktemp("local") / "g.gallery"
    with Recognizer.open(place, create=True, backbone=FakeBackbone()) as recognizer:
        fill(recognizer)
        yield recognizer


def fill(recognizer: Recognizer) -> None:
    recognizer.enroll_catalog([(f"print {seed}", poster(seed=seed)) for seed in range(CLASSES)])


def overlap(decision: Decision) -> float:
    """Of the print's true place and the box that the decision names: intersection over union."""
    assert decision.location is not None
    left, top, right, bottom = decision.location.box
    across = min(right, 600) - max(left, 250)
    down = min(bottom, 420) - max(top, 90)
    both = across * down
    return both / ((right - left) * (bottom - top) + 350 * 330 - both)


def test_a_photographed_print_is_recognised_and_located(filled: Recognizer) -> None:
    for seed in range(CLASSES):
        decision = filled.recognize(photographed(seed))
        assert decision.label == f"print {seed}"
        assert decision.candidates[0].label == decision.label
        assert overlap(decision) > 0.9
        assert decision.location is not None
        assert decision.location.inliers >= 20
        np.testing.assert_allclose(decision.location.corners, CORNERS, atol=8)


def test_embeddings_alone_recognise_few_of_them(filled: Recognizer) -> None:
    vectors = filled.embed([photographed(seed) for seed in range(CLASSES)])
    decisions = filled.recognize_embeddings(vectors)
    assert all(decision.location is None for decision in decisions)
    assert sum(d.label == f"print {seed}" for seed, d in enumerate(decisions)) < CLASSES / 2


def test_prints_that_nobody_enrolled_are_not_found(filled: Recognizer) -> None:
    decisions = filled.recognize_many([photographed(seed) for seed in range(100, 105)])
    assert [decision.location for decision in decisions] == [None] * 5


def test_a_print_that_was_found_is_told_from_others_of_like_colours(filled: Recognizer) -> None:
    decisions = [filled.recognize(photographed(seed)) for seed in range(CLASSES)]
    assert not any(decision.ambiguous for decision in decisions)


def test_siblings_that_differ_in_next_to_nothing_are_ambiguous(tmp_path: Path) -> None:
    """Prints of one design, of which a speck differs; a third lies elsewhere in the picture."""
    speckled = poster(seed=1)
    speckled.paste((250, 250, 250), (200, 150, 206, 156))
    with Recognizer.open(tmp_path / "g", create=True, backbone=FakeBackbone()) as recognizer:
        prints = {"plain": poster(seed=1), "speckled": speckled, "other": poster(seed=2)}
        recognizer.enroll_catalog(list(prints.items()))
        decision = recognizer.recognize(photographed(1))
        assert decision.ambiguous
        assert {c.label for c in decision.candidates[:2]} == {"plain", "speckled"}
        assert not recognizer.recognize(photographed(2)).ambiguous
        recognizer.gallery.classes.remove("speckled")
        beside = seen(poster(seed=2), [[20, 20], [220, 20], [220, 170], [20, 170]], (800, 600),
                      photographed(1))  # fmt: skip
        decision = recognizer.recognize(beside)
        assert {c.label for c in decision.candidates[:2]} == {"plain", "other"}
        assert not decision.ambiguous


def test_nearest_stays_a_search_by_similarity(filled: Recognizer) -> None:
    query = photographed(3)
    similarities = [candidate.similarity for candidate in filled.nearest(query, 5)]
    assert similarities == sorted(similarities, reverse=True)
    decision = filled.recognize(query, candidates=5)
    [own] = [c for c in filled.nearest(query, CLASSES) if c.label == "print 3"]
    assert decision.region is not None
    assert decision.candidates[0].similarity > own.similarity  # that of the whole picture
    thing = filled.embed([poster(seed=3)])
    assert own.similarity == pytest.approx(float((filled.embed([query]) @ thing.T)[0, 0]), abs=1e-5)


def test_streams_and_single_queries_decide_alike(filled: Recognizer) -> None:
    pictures = [photographed(seed) for seed in (2, 200, 5)]
    singly = [filled.recognize(picture) for picture in pictures]
    assert list(filled.recognize_many(pictures)) == singly


def test_evaluation_counts_the_same_verdicts(filled: Recognizer) -> None:
    known = [(f"print {seed}", photographed(seed)) for seed in range(CLASSES)]
    strangers = [(f"other {seed}", photographed(seed)) for seed in range(100, 104)]
    figures = filled.evaluate(known, strangers).figures
    assert figures["top_1"].value == 1.0
    assert figures["tpir_reached"].value == 1.0


def test_confirming_and_explaining_decide_alike(filled: Recognizer, tmp_path: Path) -> None:
    photographed(3).save(path := tmp_path / "query.png")
    decision = filled.recognize(path)
    assert explain(filled.gallery, filled.features, path).decision == decision
    assert filled.confirm(path, "print 3") == decision


def test_an_explanation_says_and_draws_what_was_found(filled: Recognizer) -> None:
    explanation = filled.explain(photographed(3))
    found = explanation.found
    assert found is not None
    assert found.size == poster(seed=3).size
    assert found.query_size == photographed(3).size
    decision = explanation.decision
    assert decision.score is not None
    assert found.score_without < decision.score
    assert f"{found.match.inliers} points agree" in " ".join(explanation.sentences())
    assert explanation.to_json()["score_by_similarity_alone"] == round(found.score_without, 6)
    with Image.open(io.BytesIO(explanation.picture())) as drawn:
        taller = drawn.size
    nothing = filled.explain(Image.new("RGB", (64, 64)))
    assert nothing.found is None
    assert nothing.to_json()["score_by_similarity_alone"] is None
    with Image.open(io.BytesIO(nothing.picture())) as drawn:
        assert drawn.height < taller[1]


def test_an_explanation_of_a_part_draws_the_part(filled: Recognizer) -> None:
    explanation = filled.explain(photographed(3), box=(200, 60, 700, 500))
    assert explanation.found is not None
    corners = np.array(CORNERS) - [200, 60]
    np.testing.assert_allclose(explanation.found.match.corners, corners, atol=8)
    assert explanation.decision.location is not None
    np.testing.assert_allclose(explanation.decision.location.corners, CORNERS, atol=8)


def test_verifying_says_which_picture_lies_in_the_other(filled: Recognizer) -> None:
    there = filled.verify(poster(seed=3), photographed(3))
    assert there.same is True
    assert there.first_in_second is not None
    np.testing.assert_allclose(there.first_in_second.corners, CORNERS, atol=8)
    back = filled.verify(photographed(3), poster(seed=3))
    assert back.second_in_first == there.first_in_second
    assert back.similarity == pytest.approx(there.similarity, abs=1e-6)
    other = filled.verify(poster(seed=4), photographed(3))
    assert (other.first_in_second, other.second_in_first) == (None, None)
    assert other.same is not True


def test_pictures_are_compared_without_a_gallery() -> None:
    found = compare(photographed(5), poster(seed=5), backbone=FakeBackbone())
    assert (found.same, found.threshold) == (True, None)
    assert set(found.to_json()["second_in_first"]) == {"box", "corners", "inliers", "share"}
    other = compare(photographed(5), poster(seed=6), backbone=FakeBackbone())
    assert other.same is None
    assert other.to_json()["first_in_second"] is None


def test_the_command_says_where_a_picture_was_found(tmp_path: Path) -> None:
    photographed(5).save(tmp_path / "photograph.png")
    poster(seed=5).save(tmp_path / "print.png")
    pair = [str(tmp_path / name) for name in ("print.png", "photograph.png")]
    told = CliRunner().invoke(app, ["verify", *pair, "--backbone", "fake"])
    assert told.exit_code == 0, told.output
    assert "the first picture was found in the second" in told.stdout


def test_queries_in_other_pixels_are_located_in_their_own(filled: Recognizer) -> None:
    large = seen(poster(seed=1), np.array(CORNERS) * 3, size=(2400, 1800))
    decision = filled.recognize(large)
    assert decision.location is not None
    np.testing.assert_allclose(np.array(decision.location.corners) / 3, CORNERS, atol=8)


def test_json_names_the_place(filled: Recognizer) -> None:
    found = filled.recognize(photographed(2)).to_json()["location"]
    assert set(found) == {"box", "corners", "inliers", "share"}
    assert len(found["corners"]) == 4


@pytest.fixture
def recognizer(tmp_path: Path) -> Iterator[Recognizer]:
    place = tmp_path / "g.gallery"
    with Recognizer.open(place, create=True, backbone=FakeBackbone()) as opened:
        yield opened


def test_what_is_enrolled_and_removed_is_followed(recognizer: Recognizer) -> None:
    assert recognizer.recognize(photographed(1)).label is None
    fill(recognizer)
    assert recognizer.recognize(photographed(1)).label == "print 1"
    recognizer.enroll("late", poster(seed=50))
    assert recognizer.recognize(photographed(50)).label == "late"
    recognizer.gallery.classes.remove("print 1")
    assert recognizer.recognize(photographed(1)).label is None
    recognizer.gallery.classes.rename("late", "latest")
    assert recognizer.recognize(photographed(50)).label == "latest"


def test_another_process_sees_them(recognizer: Recognizer) -> None:
    place = recognizer.gallery.location
    with Recognizer.open(str(place), backbone=FakeBackbone()) as other:
        fill(recognizer)
        other.gallery._live.newest()
        assert other.recognize(photographed(1)).label == "print 1"


def test_a_gallery_may_keep_none(tmp_path: Path) -> None:
    with Recognizer.open(
        tmp_path / "g", create=True, backbone=FakeBackbone(), local_features="none"
    ) as recognizer:
        fill(recognizer)
        assert recognizer.gallery.describe().local_features.examples == 0
        assert recognizer.recognize(photographed(1)).location is None


def test_no_more_points_are_kept_than_asked_for(tmp_path: Path) -> None:
    with Recognizer.open(
        tmp_path / "g", create=True, backbone=FakeBackbone(), local_features=40
    ) as recognizer:
        recognizer.enroll("print", poster())
        [(_, stored)] = recognizer.gallery.catalog.stream(lambda read: read.whole.local_features())
        assert len(stored.data) == 8 + 40 * 40


@pytest.mark.parametrize("wrong", ["some", -1, 1000, 1.5])
def test_other_numbers_of_points_are_refused(tmp_path: Path, wrong: object) -> None:
    with pytest.raises(SettingsError, match="local_features"):
        Recognizer.open(tmp_path / "g", create=True, backbone=FakeBackbone(), local_features=wrong)  # type: ignore[arg-type]


def test_an_older_gallery_gets_them_from_its_kept_pictures(tmp_path: Path) -> None:
    place = tmp_path / "g"
    with Recognizer.open(
        place, create=True, backbone=FakeBackbone(), local_features="none"
    ) as recognizer:
        fill(recognizer)
        report = fill_local_features(recognizer.gallery, 500)
        assert (report.points, report.found, report.without) == (500, CLASSES, 0)
        decision = recognizer.recognize(photographed(7))
        assert decision.label == "print 7"
        assert overlap(decision) > 0.9
        assert fill_local_features(recognizer.gallery).found == 0
        assert fill_local_features(recognizer.gallery, 0).points == 0
        assert recognizer.recognize(photographed(7)).location is None


def test_filling_goes_on_where_it_stopped_and_counts_what_it_cannot(tmp_path: Path) -> None:
    place = tmp_path / "g"
    options = {"create": True, "backbone": FakeBackbone(), "local_features": "none"}
    with Recognizer.open(place, keep_pictures="none", **options) as recognizer:  # type: ignore[arg-type]
        recognizer.enroll("bare", poster(seed=30))
        report = fill_local_features(recognizer.gallery, 300)
        assert (report.found, report.without) == (0, 1)
        recognizer.enroll("new", poster(seed=31))
        assert recognizer.gallery.local.missing() == ([], [1])


def test_export_and_import_carry_them(filled: Recognizer, tmp_path: Path) -> None:
    filled.gallery.export(tmp_path / "e.parquet")
    with Gallery.create_from_export(tmp_path / "copy", tmp_path / "e.parquet") as copy:
        assert copy.catalog.state().local_points == 500
        assert len(copy.snapshot().local) == CLASSES
    with Recognizer.open(tmp_path / "copy", backbone=FakeBackbone()) as recognizer:
        assert recognizer.recognize(photographed(5)).label == "print 5"


def test_moving_to_another_backbone_keeps_them(recognizer: Recognizer) -> None:
    fill(recognizer)
    recognizer.reembed(FakeBackbone(1))
    assert recognizer.recognize(photographed(5)).label == "print 5"


def test_pictures_without_points_cost_nothing(recognizer: Recognizer) -> None:
    for seed in range(30):
        recognizer.enroll(str(seed), quarters(seed))
    decision = recognizer.recognize(quarters(7, size=64))
    assert (decision.label, decision.location) == ("7", None)


def test_upgrade_fills_and_says_so(tmp_path: Path) -> None:
    place = tmp_path / "g"
    with Recognizer.open(
        place, create=True, backbone=FakeBackbone(), local_features="none"
    ) as recognizer:
        fill(recognizer)
    told = CliRunner().invoke(app, ["upgrade", str(place), "--local-features", "auto"])
    assert told.exit_code == 0, told.output
    assert re.search(r"local features of 8 more examples, at most 500 points", told.output)
    again = CliRunner().invoke(app, ["upgrade", str(place)])
    assert "of 0 more examples" in again.output


def test_siblings_in_the_gallery_raise_no_thresholds(tmp_path: Path) -> None:
    """What is found of a class in its siblings is a common mark, not what strangers reach."""
    with Recognizer.open(tmp_path / "g", create=True, backbone=FakeBackbone()) as recognizer:
        for seed in range(6):
            for number, x in enumerate((40, 200)):
                product = poster(seed=seed)
                product.paste(poster(150, 150, seed=100 + 2 * seed + number), (x, 100))
                recognizer.enroll(f"brand {seed}, product {number}", product)
        recognizer.calibrate()
        decision = recognizer.recognize(photographed(1))
        assert decision.location is not None
        assert decision.label is not None
        assert decision.label.startswith("brand 1")

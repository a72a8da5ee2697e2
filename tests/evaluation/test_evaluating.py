"""Evaluating whole galleries of synthetic embeddings and of pictures for the fake backbone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.errors import EvaluationError
from engine.evaluation.comparing import compare
from engine.evaluation.levers import BASELINE, OWN, levers
from engine.playing.enrolled import Enrolled
from engine.playing.play import Match, play, stranger_scores
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone
from engine.types import Space
from tests.conftest import MakePicture

SPACE = Space("made by hand", "w" * 64, "p" * 64, 24)


def unit_rows(seed: int, n: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, SPACE.dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def blurred(rows: np.ndarray, seed: int, amount: float) -> np.ndarray:
    moved = rows + amount * unit_rows(seed, len(rows))
    return (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def enrolled() -> Enrolled:
    labels = [f"class {n:02}" for n in range(40)]
    return Enrolled.in_memory(unit_rows(1, 40), labels, SPACE, target_fpir=0.1)


def match_of(enrolled: Enrolled, strangers: int = 100, amount: float = 0.8) -> Match:
    known = blurred(enrolled.embeddings, 2, amount)
    return Match(
        np.concatenate([known, unit_rows(3, strangers)]),
        np.concatenate([enrolled.class_ids, np.full(strangers, -1)]),
        np.arange(40 + strangers),
        left_out=False,
    )


def test_known_queries_are_ranked_by_plain_cosine(enrolled: Enrolled) -> None:
    match = match_of(enrolled)
    trials = play(match, OWN.scorer(enrolled), 0.1)
    cosines = match.embeddings[:40] @ enrolled.embeddings.T
    own = np.diag(cosines)
    assert trials.known.genuine == pytest.approx(own, abs=1e-6)
    assert trials.known.similarities == pytest.approx(cosines.max(axis=1), abs=1e-6)
    assert trials.known.ranks.tolist() == ((cosines > own[:, None]).sum(axis=1) + 1).tolist()
    assert trials.strangers.queries.tolist() == list(range(40, 140))


def test_impostor_pairs_are_with_other_classes(enrolled: Enrolled) -> None:
    match = match_of(enrolled)
    trials = play(match, OWN.scorer(enrolled), 0.1)
    cosines = match.embeddings[:40] @ enrolled.embeddings.T
    np.fill_diagonal(cosines, np.nan)
    distance = np.nanmin(np.abs(cosines - trials.known.impostors[:, None]), axis=1)
    assert distance.max() < 1e-6


def test_a_left_out_class_meets_all_classes_but_its_own(enrolled: Enrolled) -> None:
    match = Match(
        blurred(enrolled.embeddings, 2, 0.5), enrolled.class_ids, np.arange(40), left_out=True
    )
    trials = play(match, OWN.scorer(enrolled), 0.1)
    cosines = match.embeddings @ enrolled.embeddings.T
    np.fill_diagonal(cosines, -1.0)
    assert trials.left_out
    assert trials.strangers.nearest.tolist() == enrolled.class_ids[cosines.argmax(axis=1)].tolist()
    assert trials.strangers.similarities == pytest.approx(cosines.max(axis=1), abs=1e-6)


def test_one_global_threshold_is_subtracted_from_the_similarity(enrolled: Enrolled) -> None:
    trials = play(match_of(enrolled), BASELINE.scorer(enrolled), 0.1)
    difference = trials.known.similarities - trials.known.scores
    assert difference == pytest.approx(np.full(40, difference[0]))
    # Of 40 enrolled pictures, each without its own class, 6 of 41 reach the 35th, which is as high
    # as the 36th; beyond them the share falls exponentially, by the mean excess of five.
    cosines = enrolled.embeddings @ enrolled.embeddings.T
    np.fill_diagonal(cosines, -1.0)
    reached = np.sort(cosines.max(axis=1)).astype(np.float64)
    excess = np.mean(reached[35:] - reached[34])
    assert difference[0] == pytest.approx(reached[35] + excess * np.log(6 / 41 / 0.1), abs=1e-4)


def test_a_laxer_target_accepts_more_strangers(enrolled: Enrolled) -> None:
    for lever in (OWN, BASELINE):
        scores = stranger_scores(match_of(enrolled), lever.scorer(enrolled), [0.02, 0.1, 0.4])
        accepted = [float((s >= 0).mean()) for s in scores]
        assert accepted == sorted(accepted)
        assert accepted[0] < accepted[2]


def test_the_first_lever_is_raw_cosine_and_the_last_the_gallery_itself(enrolled: Enrolled) -> None:
    assert [levers(enrolled)[0], levers(enrolled)[-1]] == [BASELINE, OWN]


def test_a_comparison_has_a_paired_gain_for_every_row_but_the_first(enrolled: Enrolled) -> None:
    comparison = compare(enrolled, match_of(enrolled, strangers=310), [BASELINE, OWN, BASELINE])
    assert comparison.fpir == 0.01
    assert comparison.rows[0].gain is None
    same = comparison.rows[2].gain
    assert same is not None
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    assert not comparison.rows[2].pays
    assert comparison.to_json()["rows"][0]["name"] == BASELINE.name


def test_too_few_strangers_decide_nothing(enrolled: Enrolled) -> None:
    comparison = compare(enrolled, match_of(enrolled, strangers=5))
    assert comparison.fpir is None
    assert "too few strangers" in comparison.verdict()


@pytest.fixture
def filled(recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path) -> Recognizer:
    """A gallery of twelve classes, enrolled from `catalog`."""
    for n in range(12):
        make_picture(f"catalog/thing {n}.png", n)
    recognizer.enroll_catalog(tmp_path / "catalog")
    return recognizer


def test_queries_in_label_folders_are_known(
    filled: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    for n in range(12):
        make_picture(f"queries/thing {n}/photo.png", n, size=48)  # the same colours, another file
    for n in range(40):
        make_picture(f"others/{n}.png", 100 + n)
    evaluation = filled.evaluate(tmp_path / "queries", tmp_path / "others")
    assert evaluation.figures["top_1"].value == 1.0
    said = evaluation.to_json()
    assert (said["classes"], said["queries"], said["strangers"]) == (12, 12, 40)
    assert said["left_out_classes"] is False
    assert said["warnings"] == []


def test_without_strangers_the_enrolled_classes_take_turns(
    filled: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    for n in range(12):
        make_picture(f"queries/thing {n}.png", n, size=48)
    said = filled.evaluate(tmp_path / "queries").to_json()
    assert said["left_out_classes"] is True
    assert said["strangers"] == 12
    assert "each left out" in said["strangers_are"]


def test_a_manifest_is_as_good_as_folders(
    filled: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    make_picture("a.png", 3, size=48)
    make_picture("b.png", 4, size=48)
    manifest = tmp_path / "queries.csv"
    manifest.write_text("path,label\na.png,thing 3\nb.png,thing 4\n")
    assert filled.evaluate(manifest).figures["top_1"].value == 1.0


def test_queries_of_labels_that_are_not_enrolled_are_strangers(
    filled: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    make_picture("queries/thing 1.png", 1, size=48)
    for n in range(30):
        make_picture(f"queries/other {n}.png", 200 + n)
    evaluation = filled.evaluate(tmp_path / "queries")
    assert len(evaluation.result.trials.strangers) == 30
    [warning] = evaluation.warnings
    assert "30 of 31 queries have labels that aren't enrolled" in warning
    assert "counted as strangers" in warning


def test_a_few_queries_of_unknown_labels_are_set_aside(
    filled: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    for n in range(5):
        make_picture(f"queries/thing {n}.png", n, size=48)
    make_picture("queries/thnig 5.png", 5, size=48)
    evaluation = filled.evaluate(tmp_path / "queries")
    assert len(evaluation.result.trials.known) == 5
    assert evaluation.result.trials.left_out
    assert "'thnig 5'" in evaluation.warnings[0]
    assert "set aside" in evaluation.warnings[0]


def test_evaluating_on_the_catalog_itself_is_said(filled: Recognizer, tmp_path: Path) -> None:
    evaluation = filled.evaluate(tmp_path / "catalog")
    assert "All queries are the very pictures that are enrolled" in evaluation.warnings[0]


def test_enrolled_strangers_are_said(
    filled: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    make_picture("queries/thing 1.png", 1, size=48)
    evaluation = filled.evaluate(tmp_path / "queries", tmp_path / "catalog")
    assert "12 of 12 pictures given as unknown are enrolled" in evaluation.warnings[0]


def test_strangers_alone_give_their_share(
    filled: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    for n in range(35):
        make_picture(f"queries/other {n}.png", 300 + n)
    figures = filled.evaluate(tmp_path / "queries").figures
    assert figures["top_1"].refused == "no query shows an enrolled class"
    assert figures["fpir_reached"].value is not None


def test_unreadable_pictures_are_counted_and_listed(
    filled: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    make_picture("queries/thing 1.png", 1, size=48)
    make_picture("queries/thing 2.png", 2, size=48)
    (tmp_path / "queries/thing 3.png").write_bytes(b"no picture")
    said = filled.evaluate(tmp_path / "queries").to_json()
    assert said["rejected"] == 1
    assert said["rejects"][0]["source"].endswith("thing 3.png")
    assert said["warnings"][-1] == "1 picture could not be read; left out."


def test_an_empty_folder_is_refused(filled: Recognizer, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(EvaluationError, match="nothing: expected pictures, but there are none"):
        filled.evaluate(tmp_path / "nothing")


def test_a_folder_of_unreadable_pictures_is_refused_with_a_reason(
    filled: Recognizer, tmp_path: Path
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "thing 1.png").write_bytes(b"")
    with pytest.raises(EvaluationError, match=r"none of 1 can be read.*thing 1\.png"):
        filled.evaluate(tmp_path / "bad")


def test_an_empty_gallery_is_refused(recognizer: Recognizer, make_picture: MakePicture) -> None:
    picture = make_picture("queries/a.png", 1)
    with pytest.raises(EvaluationError, match="it is empty"):
        recognizer.evaluate(picture.parent)


def test_one_class_needs_strangers(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    recognizer.enroll("only", make_picture("only.png", 1))
    query = make_picture("queries/only.png", 1, size=48)
    with pytest.raises(EvaluationError, match="two classes at least"):
        recognizer.evaluate(query.parent)
    for n in range(3):
        make_picture(f"others/{n}.png", 10 + n)
    figures = recognizer.evaluate(query.parent, tmp_path / "others").figures
    assert figures["top_1"].value == 1.0
    assert figures["eer"].refused is not None


def test_labels_that_fit_nothing_are_refused(filled: Recognizer, make_picture: MakePicture) -> None:
    query = make_picture("queries/elsewhere.png", 1)
    with pytest.raises(EvaluationError, match="none of 1 is \\('elsewhere'\\)"):
        filled.evaluate(query.parent)


def test_a_removed_class_is_no_longer_known(
    filled: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    filled.gallery.classes.remove("thing 0")
    for n in range(3):
        make_picture(f"queries/thing {n}.png", n, size=48)
    evaluation = filled.evaluate(tmp_path / "queries")
    assert len(evaluation.result.trials.known) == 2
    assert evaluation.backbone == FakeBackbone().name

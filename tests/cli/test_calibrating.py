"""`onelook calibrate --feedback` counts what people said."""

from __future__ import annotations

from pathlib import Path

from engine.recognizer import Recognizer
from tests.cli.conftest import Onelook, objects
from tests.conftest import quarters


def test_feedback_is_evidence(onelook: Onelook, gallery: Path) -> None:
    with Recognizer.open(gallery) as recognizer:
        for seed in range(25):
            recognizer.confirm(quarters(300 + seed), None)
        for seed in range(6):
            recognizer.confirm(quarters(seed, 48), f"thing {seed}")

    [said] = objects(
        onelook("calibrate", "-g", gallery, "--feedback", "--target-fpir", 0.2, "--json")
    )

    assert said["evidence"] == {"strangers": 25, "labelled queries": 6}
    assert said["target_fpir"] == 0.2


def test_feedback_counts_beside_pictures(onelook: Onelook, gallery: Path, tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    for seed in range(20):
        quarters(100 + seed).save(tmp_path / "others" / f"{seed}.png")
    with Recognizer.open(gallery) as recognizer:
        for seed in range(5):
            recognizer.confirm(quarters(300 + seed), None)

    [said] = objects(
        onelook(
            "calibrate", "-g", gallery, "--feedback", "--unknown", "others",
            "--target-fpir", 0.2, "--json",
        )
    )  # fmt: skip

    assert said["evidence"] == {"strangers": 25}


def test_without_feedback_it_is_said_how_to_give_some(onelook: Onelook, gallery: Path) -> None:
    done = onelook("calibrate", "-g", gallery, "--feedback", code=1)
    assert "on the web page" in done.stderr


def test_adapting_needs_no_queries(onelook: Onelook, gallery: Path, tmp_path: Path) -> None:
    refused = onelook("adapt", "-g", gallery, code=1)
    assert "at least 20 classes" in refused.stderr

    (tmp_path / "more").mkdir()
    for seed in range(12, 24):
        quarters(seed).save(tmp_path / "more" / f"thing {seed}.png")
    onelook("enroll", "more", "-g", gallery)
    [said] = objects(onelook("adapt", "-g", gallery, "--json"))

    assert (said["classes"], said["views"]) == (24, 96)
    pays = said["oscr_gain"]["low"] > 0
    assert said["adapted"] == (pays and said["tpir_of_views_after"] >= said["tpir_of_views_before"])
    [described] = objects(onelook("info", "-g", gallery, "--json"))
    assert described["projection"] == ("adapted" if said["adapted"] else "identity")
    onelook("adapt", "-g", gallery, "--undo")
    [described] = objects(onelook("info", "-g", gallery, "--json"))
    assert described["projection"] == "identity"
    onelook("adapt", "-g", gallery, "--undo", "--queries", "more", code=2)


def test_without_pictures_it_rests_on_synthetic_photographs(
    onelook: Onelook, gallery: Path
) -> None:
    done = onelook("calibrate", "-g", gallery, "--target-fpir", 0.2)
    assert "synthetic photographs and left-out classes" in done.stdout
    assert "(of synthetic photographs of enrolled pictures)" in done.stdout
    assert "look like the catalog's pictures or like photographs of such things" in done.stdout
    assert "given their label" not in done.stderr


def test_strangers_that_look_like_what_is_enrolled_leave_little_to_recognise(
    onelook: Onelook, gallery: Path, tmp_path: Path
) -> None:
    (tmp_path / "alike").mkdir()
    for seed in range(12):
        quarters(seed).resize((150, 150)).save(tmp_path / "alike" / f"{seed}.png")
    done = onelook("calibrate", "-g", gallery, "--unknown", "alike", "--target-fpir", 0.1)
    assert "expected TPIR  0 % (95 % interval 0 % to" in done.stdout
    assert "only 0% of synthetic photographs" in done.stderr
    assert "or a larger --target-fpir" in done.stderr

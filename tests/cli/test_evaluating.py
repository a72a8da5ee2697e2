"""`onelook evaluate` and `onelook explain`, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Onelook, objects
from tests.conftest import quarters


@pytest.fixture
def queries(tmp_path: Path) -> Path:
    """Other files of the twelve things, in folders named by their labels."""
    for seed in range(12):
        folder = tmp_path / "queries" / f"thing {seed}"
        folder.mkdir(parents=True)
        quarters(seed, 48).save(folder / "photo.png")
    return tmp_path / "queries"


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Forty things that nobody enrolled."""
    folder = tmp_path / "others"
    folder.mkdir()
    for seed in range(40):
        quarters(100 + seed).save(folder / f"{seed}.png")
    return folder


def test_an_evaluation_prints_figures_and_writes_a_report(
    onelook: Onelook, gallery: Path, queries: Path, others: Path, tmp_path: Path
) -> None:
    done = onelook(
        "evaluate", "--gallery", gallery, "--queries", queries, "--unknown", others,
        "--report", "report", "--compare",
    )  # fmt: skip
    assert "12 classes, 12 known queries, 40 strangers" in done.stdout
    assert "needs about 3,000 strangers, there are 40" in done.stdout
    assert "raw cosine, one threshold" in done.stdout
    assert (tmp_path / "report" / "report.html").is_file()
    figures = json.loads((tmp_path / "report" / "figures.json").read_text())
    assert figures["figures"]["top_1"]["value"] == 1.0


def test_an_evaluation_as_json_is_one_object(
    onelook: Onelook, gallery: Path, queries: Path
) -> None:
    [said] = objects(onelook("evaluate", "-g", gallery, "--queries", queries, "--json"))
    assert said["left_out_classes"] is True
    assert said["comparison"] is None


def test_unreadable_queries_give_exit_code_three(
    onelook: Onelook, gallery: Path, queries: Path
) -> None:
    (queries / "thing 0" / "broken.png").write_bytes(b"?")
    done = onelook("evaluate", "-g", gallery, "--queries", queries, code=3)
    assert "broken.png" in done.stderr


def test_a_missing_folder_is_said_in_one_line(onelook: Onelook, gallery: Path) -> None:
    done = onelook("evaluate", "-g", gallery, "--queries", "nowhere", code=1)
    assert "there is no such file or folder" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_catalog_evaluated_on_itself_is_warned_about(
    onelook: Onelook, gallery: Path, catalog: Path
) -> None:
    done = onelook("evaluate", "-g", gallery, "--queries", catalog)
    assert "the very pictures that are enrolled" in done.stderr


def test_an_explanation_is_told_and_drawn(
    onelook: Onelook, gallery: Path, queries: Path, tmp_path: Path
) -> None:
    query = queries / "thing 3" / "photo.png"
    done = onelook("explain", query, "-g", gallery, "--out", "why.png")
    assert "the nearest class is 'thing 3'" in done.stdout
    assert "upper bound" in done.stdout
    assert (tmp_path / "why.png").is_file()


def test_an_explanation_as_json_names_its_evidence(
    onelook: Onelook, gallery: Path, queries: Path
) -> None:
    query = queries / "thing 3" / "photo.png"
    [said] = objects(onelook("explain", query, "-g", gallery, "--json"))
    assert said["decision"]["label"] == "thing 3"
    assert said["impostors"]["count"] == 11
    assert said["genuine_upper_bound"]["most"] <= 1.0001


def test_explaining_a_file_that_is_no_picture_fails_in_one_line(
    onelook: Onelook, gallery: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.png").write_text("no picture")
    done = onelook("explain", "notes.png", "-g", gallery, code=1)
    assert "notes.png" in done.stderr
    assert len(done.stderr.splitlines()) == 1

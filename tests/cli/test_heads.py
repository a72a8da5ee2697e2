"""`onelook train head` as a user runs it, and what the other commands then say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Onelook

THINGS = 40


def picture(thing: int, number: int) -> Image.Image:
    """The upper half tells the thing, the lower half is another in each picture of it."""
    upper = np.random.default_rng([1, thing]).integers(0, 256, (1, 2, 3))
    lower = np.random.default_rng([2, thing, number]).integers(0, 256, (1, 2, 3))
    pixels = np.concatenate([upper, lower]).astype(np.uint8)
    return Image.fromarray(pixels.repeat(8, axis=0).repeat(8, axis=1))


def write(folder: Path, things: range, number: int) -> Path:
    folder.mkdir()
    for thing in things:
        picture(thing, number).save(folder / f"thing {thing}.png")
    return folder


@pytest.fixture
def things(onelook: Onelook, tmp_path: Path) -> Path:
    """A gallery of forty."""
    onelook("enroll", write(tmp_path / "things", range(THINGS), 0), "--gallery", "t.gallery")
    return tmp_path / "t.gallery"


def test_a_head_is_trained_shown_used_and_removed(
    onelook: Onelook, things: Path, tmp_path: Path
) -> None:
    queries = write(tmp_path / "queries", range(THINGS), 1)
    trained = onelook("train", "head", "--gallery", things, "--data", queries)
    assert "verification, AUROC" in trained.stdout
    assert "The head beats cosine on classes it hasn't seen: it is in force." in trained.stdout
    info = json.loads(onelook("info", "--gallery", things, "--json").stdout)
    assert info["siamese_head"].startswith("in force; trained on labelled pictures and enrolled")

    query, own = queries / "thing 3.png", tmp_path / "things" / "thing 3.png"
    other = tmp_path / "things" / "thing 4.png"
    same = onelook("verify", query, own, "--gallery", things)
    assert same.stdout.startswith("same class (probability ")
    different = json.loads(onelook("verify", query, other, "--gallery", things, "--json").stdout)
    assert different["same"] is False
    assert 0 <= different["probability"] < different["threshold"] <= 1

    decision = json.loads(onelook("recognize", query, "--gallery", things, "--json").stdout)
    assert decision["candidates"][0]["label"] == "thing 3"
    assert "Siamese head" in decision["calibration"]
    explained = onelook("explain", query, "--gallery", things).stdout
    assert "A Siamese head is in force" in explained

    assert "removed" in onelook("train", "head", "--gallery", things, "--remove").stdout
    assert "there was no head" in onelook("train", "head", "--gallery", things, "--remove").stdout
    assert json.loads(onelook("info", "--gallery", things, "--json").stdout)["siamese_head"] is None


def test_views_alone_put_no_head_in_force(onelook: Onelook, things: Path) -> None:
    done = onelook("train", "head", "--gallery", things, "--json", code=1)
    report = json.loads(done.stdout)
    assert report["active"] is False
    assert report["judged_on"]["real"] is False
    assert set(report["judged_on"]["figures"]) == {"auroc", "eer", "top_1"}
    insisted = onelook("train", "head", "--gallery", things, "--activate")
    assert "because that was asked for" in insisted.stdout


def test_bad_input_is_refused_with_what_to_do(
    onelook: Onelook, things: Path, gallery: Path, tmp_path: Path
) -> None:
    few = write(tmp_path / "few", range(3), 1)
    refused = onelook("train", "head", "--gallery", things, "--data", few, code=1)
    assert "at least 6 classes" in refused.stderr
    copies = onelook("train", "head", "--gallery", things, "--data", tmp_path / "things", code=1)
    assert "2 different pictures" in copies.stderr
    (tmp_path / "empty").mkdir()
    onelook("train", "head", "--gallery", gallery, "--data", tmp_path / "empty", code=1)
    onelook("train", "head", "--gallery", gallery, "--data", tmp_path / "nowhere", code=1)
    onelook("train", "head", "--gallery", gallery, "--data", few, "--remove", code=2)
    onelook("train", "head", "--gallery", tmp_path / "none.gallery", code=1)


def test_unreadable_pictures_are_told(onelook: Onelook, things: Path, tmp_path: Path) -> None:
    queries = write(tmp_path / "queries", range(THINGS), 1)
    (queries / "broken.png").write_bytes(b"no picture")
    done = onelook("train", "head", "--gallery", things, "--data", queries, code=3)
    assert "broken.png" in done.stderr

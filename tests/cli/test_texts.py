"""`--text` of `onelook enroll` and `onelook nearest`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.backbones import Backbone
from engine.cli.enroll import app as enroll
from engine.cli.explain import app as explain
from engine.cli.nearest import app as nearest
from engine.recognizer import Recognizer
from tests.cli.conftest import Onelook
from tests.conftest import MakePicture


@pytest.fixture
def texts(tmp_path: Path, clip: Backbone) -> Path:
    """An empty gallery whose backbone knows texts."""
    Recognizer.open(tmp_path / "texts", create=True, backbone=clip).close()
    return tmp_path / "texts"


def ran(app: object, *arguments: object, code: int = 0) -> str:
    """What a command prints, in this process: the model is known to no other one."""
    result = CliRunner().invoke(app, [*map(str, arguments), "--runtime", "torch"])  # type: ignore[arg-type]
    assert result.exit_code == code, result.output
    return result.stdout


def test_texts_are_enrolled_and_looked_up(texts: Path) -> None:
    report = json.loads(
        ran(enroll, "--text", "a red mug", "--text", "a mug", "-l", "mug", "-g", texts, "--json")
    )
    assert (report["added"], report["classes"], report["examples"]) == (2, 1, 2)
    assert "1 added" in ran(enroll, "--text", "a blue car", "-g", texts)
    assert "1 unchanged" in ran(enroll, "--text", "a blue car", "-g", texts)
    refused = ran(enroll, "--text", "a red mug", "-l", "cup", "-g", texts, "--json", code=3)
    assert "the same text" in json.loads(refused)["rejects"][0]["reason"]
    found = json.loads(ran(nearest, "--text", "a blue car", "-g", texts, "-k", "1", "--json"))
    assert (found["source"], found["candidates"][0]["text"]) == ("a blue car", "a blue car")
    assert found["candidates"][0]["label"] == "a blue car"
    listed = ran(nearest, "--text", "a red mug", "-g", texts).splitlines()
    assert listed[0] == "picture\trank\tclass\tsimilarity\ttext"
    assert listed[1].startswith("a red mug\t1\tmug\t1.000\ta red mug")


def test_an_explanation_says_which_text_a_class_was_found_by(
    texts: Path, make_picture: MakePicture
) -> None:
    asked = make_picture("asked.png", 1)
    ran(enroll, "--text", "a red mug", "-l", "mug", "-g", texts)
    header, first = ran(explain, asked, "-g", texts).splitlines()[-2:]
    assert header.endswith("threshold\ttext")
    assert (first.split("\t")[1], first.split("\t")[-1]) == ("mug", "a red mug")
    assert "nan" not in first


def test_nothing_is_enrolled_where_one_text_is_none(texts: Path) -> None:
    ran(enroll, "--text", "a red mug", "--text", " ", "-g", texts, code=1)
    ran(enroll, "--text", "a red mug", "--text", "x" * 1001, "-g", texts, code=1)
    with Recognizer.open(texts) as recognizer:
        assert recognizer.gallery.catalog.counts().examples == 0


def test_a_text_that_another_class_has_is_passed_over_unless_told_to_stop(texts: Path) -> None:
    ran(enroll, "--text", "a red mug", "-l", "mug", "-g", texts)
    both = ("--text", "a red mug", "--text", "a cup", "-l", "cup", "-g", texts)
    ran(enroll, *both, "--stop-on-error", code=1)
    report = json.loads(ran(enroll, *both, "--json", code=3))
    assert (report["added"], report["rejected"]) == (1, 1)
    assert report["rejects"][0]["source"] == "a red mug"
    assert report["rejects"][0]["reason"].startswith("the same text, 'a red mug', is already")


def test_what_cannot_be_is_said(onelook: Onelook, gallery: Path) -> None:
    refused = onelook("enroll", "--text", "a red mug", "-g", gallery, code=1)
    assert "fake knows pictures only; a text needs a backbone open_clip:MODEL/TAG" in refused.stderr
    assert (
        "knows pictures only"
        in onelook("nearest", "--text", "a red mug", "-g", gallery, code=1).stderr
    )
    assert "expected a SOURCE, or --text" in onelook("enroll", "-g", gallery, code=2).stderr
    assert "expected an IMAGE, or --text" in onelook("nearest", "-g", gallery, code=2).stderr
    assert "fake knows" in onelook("enroll", "--text", "a mug", "-g", "new", code=1).stderr
    assert not (gallery.parent / "new").exists()
    both = onelook("enroll", "--text", "a", "--box", "0,0,1,1", "-g", gallery, code=2)
    assert "go with pictures" in both.stderr

"""What the command line takes from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine import settings
from engine.cli.app import app
from tests.conftest import MakePicture


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ONELOOK_BACKBONE", "fake")
    monkeypatch.setenv("ONELOOK_GALLERY", "here")
    monkeypatch.setattr(settings, "_told", set())


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


def test_the_gallery_may_be_named_by_the_environment(make_picture: MakePicture) -> None:
    for seed in range(12):
        make_picture(f"catalog/{seed}.png", seed)

    run("enroll", "catalog")

    assert Path("here/catalog.sqlite").is_file()
    assert '"label": "3"' in run("recognize", "catalog/3.png", "--json")
    assert '"same": true' in run("verify", *["catalog/3.png"] * 2, "--json")


def test_an_option_wins(make_picture: MakePicture) -> None:
    make_picture("catalog/a.png", 1)

    run("enroll", "catalog", "-g", "there")

    assert Path("there").is_dir()
    assert not Path("here").exists()


def test_a_misspelt_variable_is_said(
    make_picture: MakePicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_picture("catalog/a.png", 1)
    monkeypatch.setenv("ONELOOK_DEVISE", "cpu")

    assert "did you mean ONELOOK_DEVICE" in run("enroll", "catalog")


def test_a_misspelt_variable_is_said_where_what_it_should_say_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONELOOK_GALERY", "here")
    monkeypatch.delenv("ONELOOK_GALLERY")

    done = CliRunner().invoke(app, ["recognize", "query.png"])

    assert done.exit_code == 2
    assert "ONELOOK_GALERY sets nothing; did you mean ONELOOK_GALLERY?" in done.output
    assert "Missing option '--gallery'" in done.output

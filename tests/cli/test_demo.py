"""`onelook demo`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from engine.demo import run_demo
from tests.cli.conftest import Onelook


def test_the_demo_prints_what_came_out_and_draws_it(onelook: Onelook, tmp_path: Path) -> None:
    done = onelook("demo", "--out", "drawn")

    sheet = tmp_path / "drawn" / "onelook-demo.png"
    assert f"contact sheet: {sheet}" in done.stdout
    assert "classes enrolled, one picture each\t180\t" in done.stdout
    assert re.search(r"strangers called unknown\t\d+ of 60\t\d+%", done.stdout)
    assert re.search(r"synthetic photographs given their right label\t\d+ of 23\t", done.stdout)
    assert "The photographs were never taken" in done.stdout
    with Image.open(sheet) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 600


def test_a_sheet_that_cannot_be_written_is_said_in_one_line(
    onelook: Onelook, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")

    done = onelook("demo", "--out", "taken", "--quiet", code=1)

    assert "onelook-demo.png: the contact sheet could not be written" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.weights
@pytest.mark.slow
def test_with_real_weights_most_queries_come_nearest_to_their_class(tmp_path: Path) -> None:
    result = run_demo(tmp_path / "sheet.png", lambda _step: None, backbone="onelook-lite0")

    assert result.classes == 180
    assert result.top1 >= 100
    assert result.accepted > 5 * result.mistaken
    assert result.refused >= 45
    assert result.photographs_accepted >= 15
    assert result.photographs_mistaken <= 2
    assert result.outlined >= 1  # what similarity alone is sure of isn't sought by its outline

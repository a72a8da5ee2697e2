"""The report: one page that needs nothing else, whatever the labels are called."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from engine.errors import StorageError
from engine.evaluation.drawing.thumbnails import SIDE, thumbnail
from engine.evaluation.evaluation import Evaluation
from engine.evaluation.report.writing import write_report
from engine.recognizer import Recognizer
from tests.conftest import MakePicture, quarters

NASTY = '<script>alert("&") </script>'


class Links(HTMLParser):
    """Everything that a page would fetch, and the text it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.scripts = 0
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def evaluation(recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path) -> Evaluation:
    """Twelve classes, one of which is called something nasty; some queries go wrong."""
    labels = [NASTY, *(f"thing {n}" for n in range(1, 12))]
    for n, label in enumerate(labels):
        recognizer.enroll(label, make_picture(f"catalog/{n}.png", n))
    queries = [
        (label, make_picture(f"queries/{n}.png", n if n > 2 else 50 + n, size=48))
        for n, label in enumerate(labels)
    ]
    strangers = [("stranger", make_picture(f"others/<{n}>.png", 100 + n)) for n in range(40)]
    return recognizer.evaluate(queries, strangers, compare=True)


def test_the_page_carries_all_it_needs(
    evaluation: Evaluation, recognizer: Recognizer, tmp_path: Path
) -> None:
    written = write_report(evaluation, recognizer.gallery, tmp_path / "report")
    html = written.page.read_text()
    page = Links()
    page.feed(html)
    assert page.fetched
    assert all(link.startswith("data:image/") for link in page.fetched)
    assert "url(" not in html
    assert "@import" not in html


def test_labels_are_text_and_never_markup(
    evaluation: Evaluation, recognizer: Recognizer, tmp_path: Path
) -> None:
    html = write_report(evaluation, recognizer.gallery, tmp_path / "report").page.read_text()
    page = Links()
    page.feed(html)
    assert page.scripts == 0
    assert NASTY in page.text  # the first three queries go wrong, and are shown


def test_the_same_figures_are_in_the_json_file_and_on_the_page(
    evaluation: Evaluation, recognizer: Recognizer, tmp_path: Path
) -> None:
    written = write_report(evaluation, recognizer.gallery, tmp_path / "report")
    figures = json.loads(written.figures.read_text())
    assert figures == json.loads(json.dumps(evaluation.to_json()))
    top_1 = figures["figures"]["top_1"]["value"]
    assert f"{top_1 * 100:.1f} %" in written.page.read_text()
    assert figures["mistakes"]["most_confused"]


def test_every_plot_is_a_picture_of_its_own(
    evaluation: Evaluation, recognizer: Recognizer, tmp_path: Path
) -> None:
    folder = tmp_path / "report"
    write_report(evaluation, recognizer.gallery, folder)
    plots = {path.stem for path in folder.glob("*.png")}
    expected = {"comparison", "det", "oscr", "reliability", "roc", "similarities", "thresholds"}
    assert plots == expected
    for path in folder.glob("*.png"):
        with Image.open(path) as picture:
            assert picture.width > 500


def test_the_page_stays_small_however_large_the_pictures(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    for n in range(20):
        make_picture(f"catalog/{n}.png", n, size=1200)
        make_picture(f"queries/{n}.png", 40 + n, size=1400)
    recognizer.enroll_catalog(tmp_path / "catalog")
    written = write_report(
        recognizer.evaluate(tmp_path / "queries"), recognizer.gallery, tmp_path / "report"
    )
    assert written.page.stat().st_size < 1_500_000


def test_strangers_alone_make_a_report_too(
    recognizer: Recognizer, make_picture: MakePicture, tmp_path: Path
) -> None:
    for n in range(4):
        make_picture(f"catalog/{n}.png", n)
    for n in range(40):
        make_picture(f"others/other {n}.png", 100 + n)
    recognizer.enroll_catalog(tmp_path / "catalog")
    evaluation = recognizer.evaluate(tmp_path / "others")
    html = write_report(evaluation, recognizer.gallery, tmp_path / "report").page.read_text()
    assert "Not shown: no query shows an enrolled class." in html


def test_a_vanished_query_is_shown_as_missing(
    evaluation: Evaluation, recognizer: Recognizer, tmp_path: Path
) -> None:
    for path in (tmp_path / "queries").iterdir():
        path.unlink()
    html = write_report(evaluation, recognizer.gallery, tmp_path / "report").page.read_text()
    assert "no picture kept" in html


def test_a_report_that_cannot_be_written_says_where(
    evaluation: Evaluation, recognizer: Recognizer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="file: the report could not be written"):
        write_report(evaluation, recognizer.gallery, tmp_path / "file")


def test_a_thumbnail_keeps_the_proportions_on_a_white_square() -> None:
    buffer = io.BytesIO()
    quarters(1, 64).resize((400, 100)).save(buffer, "PNG")
    small = thumbnail(buffer.getvalue())
    assert small is not None
    assert small.size == (SIDE, SIDE)
    assert small.getpixel((SIDE // 2, 2)) == (255, 255, 255)
    assert small.getpixel((SIDE // 2, SIDE // 2)) != (255, 255, 255)


def test_the_headline_says_whether_the_target_was_kept(
    evaluation: Evaluation, recognizer: Recognizer, tmp_path: Path
) -> None:
    html = write_report(evaluation, recognizer.gallery, tmp_path / "report").page.read_text()
    assert re.search(r"Asked for was at most 5 %: [a-z ,]+\.", html)

"""The documentation builds without a warning, loads nothing from elsewhere, and tells the truth."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from engine.cli.app import COMMANDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DEPLOY = DOCS / "deploy"
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
NOT_LOADED = {"canonical", "next", "prev"}


class _Loads(HTMLParser):
    """Collects what a page makes a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in LOADING and (given.get("rel") or "") not in NOT_LOADED:
            self.found.append(given.get(LOADING[tag]) or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_it_builds_and_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    elsewhere = set()
    for page in pages:
        loads = _Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        elsewhere |= {each for each in loads.found if re.match(r"(https?:)?//", each)}
    for sheet in site.rglob("*.css"):
        elsewhere |= set(re.findall(r"url\(['\"]?(?:https?:)?//[^)]*", sheet.read_text("utf-8")))

    assert len(pages) >= len(list(DOCS.glob("*.md")))
    assert elsewhere == set()


def test_every_page_is_in_the_contents() -> None:
    contents = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]

    assert set(re.findall(r"[\w-]+\.md", contents)) == {page.name for page in DOCS.glob("*.md")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_that_are_named_exist_and_so_do_linked_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    commands = {
        name
        for line in re.findall(r"(?:^|`)onelook ([a-z|]+)", text, re.MULTILINE)
        for name in line.split("|")
        if name
    }
    linked = {
        target.partition("#")[0]
        for target in re.findall(r"\]\(([^)\s]+)\)", text)
        if not re.match(r"https?:|#|mailto:", target)
    }

    assert commands <= set(COMMANDS)
    assert {each for each in linked if not (page.parent / each).exists()} == set()


@pytest.mark.weights
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_prints_what_the_readme_says(example: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, example],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    if example.stem == "ten_lines":
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        assert example.read_text(encoding="utf-8").strip() in readme
        assert f"```\n{done.stdout}```" in readme
    else:
        assert done.stdout == "crab fox\n"


def test_the_readme_can_be_read_in_five_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


def test_what_the_container_copies_is_there() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [line.split()[1] for line in lines if re.match(r"COPY (?!--from)", line)]

    assert copied == ["requirements-slim.txt", "."]
    assert all((ROOT / each).exists() for each in copied)
    assert any(line.startswith("USER onelook") for line in lines)
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    built = composed["services"]["onelook"]["build"]
    assert (DEPLOY / built["context"] / built["dockerfile"]).samefile(DEPLOY / "Dockerfile")
    assert composed["services"]["onelook"]["command"][0] in COMMANDS


def test_the_unit_starts_a_command_that_exists() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(DEPLOY / "onelook.service")

    assert unit.sections() == ["Unit", "Service", "Install"]
    program, command, *_ = unit["Service"]["ExecStart"].split()
    assert Path(program).name == "onelook"
    assert command in COMMANDS
    assert unit["Service"]["ProtectSystem"] == "strict"

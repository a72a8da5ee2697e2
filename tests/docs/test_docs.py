"""The documentation builds without a warning, loads nothing from elsewhere, and tells the truth."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from engine.cli.app import COMMANDS, app

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


def test_the_readme_leads_to_every_page_beside_it() -> None:
    beside = {page.name for page in ROOT.glob("*.md")} - {"README.md"}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {name for name in beside if name not in re.findall(r"\]\(([^)#]+)", readme)} == set()


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


def test_the_dockerfile_is_sound() -> None:
    """What a linter would look at; no container engine is needed for it."""
    steps = instructions()
    assert {name for name, _ in steps} <= {
        *("FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "VOLUME", "EXPOSE"),
        *("HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD"),
    }
    stages = [rest.split() for name, rest in steps if name == "FROM"]
    assert all(re.fullmatch(r"python:3\.\d+-slim", image) for image, *_ in stages)
    named = {words[2] for words in stages if len(words) == 3}
    copied = [rest.split() for name, rest in steps if name == "COPY"]
    assert {words[0].removeprefix("--from=") for words in copied if len(words) == 3} <= named
    assert [words[0] for words in copied if len(words) == 2] == ["requirements-slim.txt", "."]
    assert (ROOT / "requirements-slim.txt").exists()
    names = [name for name, _ in steps]
    assert max(n for n, name in enumerate(names) if name == "RUN") < names.index("USER")
    assert dict(steps)["USER"] == "onelook"
    assert all("apt-get" not in rest for name, rest in steps if name == "RUN")
    assert json.loads(dict(steps)["HEALTHCHECK"].partition("CMD ")[2])[0] == "python"


def test_the_container_holds_what_its_extras_ask_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    [installed] = [
        rest for name, rest in instructions() if "requirements-slim.txt" in rest and name == "RUN"
    ]
    asked = {one for extra in ("postgres", "heic", "xlsx", "mqtt") for one in extras[extra]}
    assert set(re.findall(r'"([^"]+)"', installed)) == asked


def test_commands_of_the_deployment_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = dict(instructions())
    assert json.loads(steps["ENTRYPOINT"]) == ["onelook"]
    for name, value in (one.split("=", 1) for one in steps["ENV"].split()):
        if name.startswith("ONELOOK_"):
            monkeypatch.setenv(name, value)
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    service = composed["services"]["onelook"]
    built = service["build"]
    assert (DEPLOY / built["context"] / built["dockerfile"]).samefile(DEPLOY / "Dockerfile")
    assert service["depends_on"].keys() <= composed["services"].keys()
    volumes = [
        one.partition(":")[0] for each in composed["services"].values() for one in each["volumes"]
    ]
    assert sorted(volumes) == sorted(composed["volumes"])
    operations = (DOCS / "operations.md").read_text(encoding="utf-8").replace("\\\n", " ")
    documented = re.findall(
        r"^(?:onelook-run|compose run) .*?onelook ([a-z][^#\n]*)", operations, re.M
    )
    assert len(documented) == 3
    unit = service_unit()["Service"]["ExecStart"].split()
    assert Path(unit[0]).name == "onelook"
    for words in (
        json.loads(steps["CMD"]),
        service["command"],
        unit[1:],
        *map(shlex.split, documented),
    ):
        understood(words)
    with pytest.raises(Exception, match="No such option: --craete"):
        understood(["serve", "--craete"])


def understood(words: list[str]) -> None:
    """Parse a command's words as the command line does, without running it."""
    onelook: Any = typer.main.get_command(app)
    command = onelook.get_command(None, words[0])
    for word in words[1:]:
        if not hasattr(command, "commands"):
            break
        command, words = command.commands[word], words[1:]
    command.make_context(words[0], words[1:])


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, in order: name and the rest, on one line."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\s*\\\n\s*", " ", lines).splitlines()
    return [(line.split()[0], line.partition(" ")[2]) for line in joined if line.strip()]


def service_unit() -> configparser.ConfigParser:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(DEPLOY / "onelook.service")
    return unit


def test_the_unit_shuts_the_service_in(tmp_path: Path) -> None:
    unit = service_unit()
    assert unit.sections() == ["Unit", "Service", "Install"]
    assert unit["Service"]["ProtectSystem"] == "strict"
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze isn't installed; the unit's keys weren't checked")
    text = (DEPLOY / "onelook.service").read_text(encoding="utf-8")
    tried = tmp_path / "onelook.service"
    tried.write_text(text.replace("/opt/onelook/bin/onelook", "/bin/true"), encoding="utf-8")
    found = subprocess.run(
        [analyze, "verify", "--man=no", tried], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")

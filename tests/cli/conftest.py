"""The command as a user runs it: in a process of its own, with the fake backbone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.recognizer import Recognizer
from tests.conftest import quarters

Onelook = Callable[..., subprocess.CompletedProcess[str]]
COMMAND = [sys.executable, "-c", "from engine.cli import main; main()"]
ENVIRONMENT = {**os.environ, "ONELOOK_BACKBONE": "fake", "COLUMNS": "200"}


@pytest.fixture
def onelook(tmp_path: Path) -> Onelook:
    """Run `onelook ARGUMENTS` in the test's folder, expecting an exit code."""

    def run(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=tmp_path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, f"{arguments}:\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """Twelve pictures, `thing 0.png` to `thing 11.png`."""
    return _write_catalog(tmp_path / "catalog")


@pytest.fixture
def gallery(enrolled: Path, tmp_path: Path) -> Path:
    """The twelve, enrolled."""
    return shutil.copytree(enrolled, tmp_path / "shop.gallery")


@pytest.fixture(scope="session")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of the twelve for tests to copy, which is quicker than enrolling them again."""
    folder = tmp_path_factory.mktemp("enrolled")
    gallery = folder / "shop.gallery"
    catalog = _write_catalog(folder / "catalog")
    with Recognizer.open(gallery, create=True, backbone="fake") as recognizer:
        recognizer.enroll_catalog(catalog)
    return gallery


def _write_catalog(folder: Path) -> Path:
    folder.mkdir()
    for seed in range(12):
        quarters(seed).save(folder / f"thing {seed}.png")
    return folder


def objects(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The JSON objects that a command printed, one a line."""
    return [json.loads(line) for line in done.stdout.splitlines()]

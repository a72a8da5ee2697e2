"""The command as a user runs it: in a process of its own, with the fake backbone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
    folder = tmp_path / "catalog"
    folder.mkdir()
    for seed in range(12):
        quarters(seed).save(folder / f"thing {seed}.png")
    return folder


@pytest.fixture
def gallery(onelook: Onelook, catalog: Path, tmp_path: Path) -> Path:
    """The twelve, enrolled."""
    onelook("enroll", catalog, "--gallery", "shop.gallery")
    return tmp_path / "shop.gallery"


def objects(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The JSON objects that a command printed, one a line."""
    return [json.loads(line) for line in done.stdout.splitlines()]

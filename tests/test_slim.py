"""A slim install: its list of packages, and that they are enough."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from engine.errors import MissingPackageError
from engine.slim import LEFT_OUT, needing
from tests.slim import BLOCKED, walk

ROOT = Path(__file__).parents[1]


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def test_the_slim_list_is_the_dependencies_without_what_is_left_out() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    left_out = {_name(each) for each in LEFT_OUT.values()}
    lines = (ROOT / "requirements-slim.txt").read_text(encoding="utf-8").splitlines()

    assert left_out <= {_name(each) for each in project["dependencies"]}
    assert sorted(line for line in lines if not line.startswith("#")) == sorted(
        each for each in project["dependencies"] if _name(each) not in left_out
    )


@pytest.mark.weights
@pytest.mark.slow
def test_without_what_is_left_out_it_enrolls_recognises_serves_and_shows_the_demo(
    tmp_path: Path,
) -> None:
    walk([sys.executable, "-c", BLOCKED], tmp_path)


def test_only_the_absence_of_what_is_left_out_is_told_as_such() -> None:
    with (
        pytest.raises(MissingPackageError, match=r"^training needs the package torch, which"),
        needing("training"),
    ):
        raise ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")
    with pytest.raises(ModuleNotFoundError, match="nowhere"), needing("training"):
        raise ModuleNotFoundError("No module named 'nowhere'", name="nowhere")

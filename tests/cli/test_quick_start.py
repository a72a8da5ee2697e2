"""Help is quick: it loads no library but Typer, and a command loads no other command."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.app import COMMANDS, app
from engine.cli.options import Device, Keep, RuntimeName
from engine.settings import DEVICES, RUNTIMES
from engine.types import KeepPictures

HEAVY = ("PIL", "faiss", "numpy", "onnxruntime", "pydantic", "rich", "sqlalchemy", "torch")


def _modules_after(arguments: list[str]) -> set[str]:
    code = (
        f"import json, sys\nsys.argv = ['onelook', *{arguments!r}]\n"
        "from engine.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_loads_nothing_heavy_and_no_command() -> None:
    modules = _modules_after(["--help"])

    assert modules.isdisjoint(HEAVY)
    assert modules.isdisjoint(f"onelook.cli.{module}" for module, _ in COMMANDS.values())


def test_help_of_a_command_loads_nothing_heavy() -> None:
    heavy = set(HEAVY) - {"pydantic"}  # which Typer itself uses to read options

    assert _modules_after(["recognize", "--help"]).isdisjoint(heavy)


def test_a_query_loads_nothing_that_it_does_not_need(
    gallery: Path, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONELOOK_BACKBONE", "fake")
    picture = str(catalog / "thing 3.png")

    modules = _modules_after(["recognize", picture, "--gallery", str(gallery)])

    assert "numpy" in modules
    assert modules.isdisjoint({"alembic", "cv2", "faiss", "rich", "sqlalchemy", "torch"})


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_the_shared_options(name: str) -> None:
    module = importlib.import_module(f"engine.cli.{COMMANDS[name][0]}")
    done = CliRunner().invoke(app, [name, "--help"])

    assert done.exit_code == 0
    assert done.output.startswith(f"Usage: onelook {name}")
    if not getattr(module.app, "registered_callback", None) and "COMMAND" not in done.output:
        for option in ("--quiet", "--verbose", "--debug"):
            assert option in done.output


def test_options_offer_what_the_engine_knows() -> None:
    assert [each.value for each in Keep] == [each.value for each in KeepPictures]
    assert tuple(each.value for each in Device) == DEVICES
    assert tuple(each.value for each in RuntimeName) == RUNTIMES

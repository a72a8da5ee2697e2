"""The public names are exactly the documented ones, and importing them is light."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import engine
import onelook
from engine import errors
from engine.server import schemas

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
INTERNAL = {"Recognizer.embedder", "Recognizer.features", "Gallery.index", "Gallery.snapshot"}
"""Attributes that other rooms need, and that say that they are internal."""
PLAIN = {"Any", "FloatArray", "IntArray", "Iterator", "NDArray", "None", "Self"}


def test_every_public_name_can_be_had() -> None:
    for name in onelook.__all__:
        assert getattr(onelook, name) is not None
    assert set(onelook.__all__) <= set(dir(onelook))


def test_the_public_names_are_those_documented() -> None:
    first = PAGE.read_text(encoding="utf-8").partition("\n## ")[0]
    table = [line for line in first.splitlines() if line[:1] == "|"]

    assert set(re.findall(r"`(\w+)`", "".join(table))) == set(onelook.__all__)


def test_every_error_is_public() -> None:
    kinds = {name for name, each in vars(errors).items() if inspect.isclass(each)}

    assert kinds - set(onelook.__all__) == set()


@pytest.mark.parametrize("name", ["Client", "Gallery", "OneShotClassifier", "Recognizer"])
def test_what_a_public_method_returns_is_public(name: str) -> None:
    kind = getattr(onelook, name)
    unknown = set()
    for attribute, value in inspect.getmembers(kind):
        function = value.fget if isinstance(value, property) else value
        if attribute.startswith("_") or not inspect.isroutine(function):
            continue
        if f"{name}.{attribute}" in INTERNAL:
            continue
        returned = str(getattr(function, "__annotations__", {}).get("return"))
        for part in re.findall(r"[\w.]*\b[A-Z]\w+", returned):
            module, _, last = part.rpartition(".")
            home = schemas if module == "schemas" else onelook
            if last not in PLAIN and not (last in dir(home) and hasattr(home, last)):
                unknown.add(f"{name}.{attribute} -> {part}")

    assert unknown == set()


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ("torch", "faiss", "numpy", "sqlalchemy", "PIL", "sklearn", "pydantic")
    code = f"import onelook, sys; print([m for m in {heavy!r} if m in sys.modules])"

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "[]"


def test_both_names_are_one_package_in_either_order() -> None:
    for first, second in (("engine", "onelook"), ("onelook", "engine")):
        code = (
            f"import {first}.errors, {second}.gallery.location, engine, onelook\n"
            "from engine.types import Decision\n"
            "assert engine is onelook and engine.errors is onelook.errors\n"
            "assert engine.Recognizer is onelook.Recognizer\n"
            "assert onelook.types.Decision is Decision\n"
            "assert Decision.__module__ == 'onelook.types'\n"
            "assert engine.gallery.location.__spec__.name == 'onelook.gallery.location'\n"
        )
        subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_either_name_runs_as_a_module() -> None:
    for name in ("engine", "onelook"):
        command = [sys.executable, "-W", "error", "-m", f"{name}.cli", "--version"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == f"onelook {engine.__version__}\n"


def test_the_package_imports_itself_relatively() -> None:
    package = Path(onelook.__file__).parent
    absolute = re.compile(r"^\s*(from|import) (engine|onelook)\b", re.MULTILINE)

    assert [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if path.name != "_alias.py" and absolute.search(path.read_text(encoding="utf-8"))
    ] == [], "import relatively: beside a user's own `engine.py`, `engine` is not this package"

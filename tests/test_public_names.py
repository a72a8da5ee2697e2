"""The public names are exactly the documented ones, and importing them is light."""

import subprocess
import sys

import engine
import onelook


def test_every_public_name_can_be_had() -> None:
    for name in engine.__all__:
        assert getattr(engine, name) is not None
    assert set(engine.__all__) <= set(dir(engine))


def test_the_public_names_are_those_documented() -> None:
    assert set(engine.__all__) == {
        "Candidate",
        "Decision",
        "Enrolment",
        "EnrolmentReport",
        "OneShotClassifier",
        "OnelookError",
        "Reason",
        "Recognizer",
        "Reject",
        "Verification",
    }


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ("torch", "faiss", "numpy", "sqlalchemy", "PIL", "sklearn", "pydantic")
    code = f"import engine, sys; print([m for m in {heavy!r} if m in sys.modules])"

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
        assert done.stdout == f"onelook {onelook.__version__}\n"

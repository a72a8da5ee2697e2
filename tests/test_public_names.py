"""The public names are exactly the documented ones, and importing them is light."""

import subprocess
import sys

import engine


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

"""Onelook: show it one picture of each thing, and it recognises them.

Importing this loads neither torch nor FAISS, nor anything else that takes noticeable time: a name
is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.classifier import OneShotClassifier
    from engine.errors import OnelookError
    from engine.recognizer import Recognizer
    from engine.types import (
        Candidate,
        Decision,
        Enrolment,
        EnrolmentReport,
        Reason,
        Reject,
        Verification,
    )

__version__ = "0.1.0"

__all__ = [
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
]

_HOMES = {
    "OneShotClassifier": ".classifier",
    "OnelookError": ".errors",
    "Recognizer": ".recognizer",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'onelook' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES.get(name, ".types"), __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


if __name__ == "engine":  # a checkout's folder, found by its own name
    from pathlib import Path

    from ._alias import stand_for_onelook

    stand_for_onelook(Path(__file__).parent)

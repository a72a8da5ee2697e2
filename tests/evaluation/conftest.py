"""Evaluations in tests draw few bootstrap replicates: their intervals aren't looked at."""

from __future__ import annotations

import pytest

from engine.metrics import bootstrap


@pytest.fixture(autouse=True)
def few_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "REPLICATES", 40)

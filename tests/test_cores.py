"""How many cores may be used, in and out of containers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine import cores


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("9900000 100000", 8),
        ("10000 100000", 1),
        ("nonsense", 8),
        (None, 8),
    ],
)
def test_affinity_and_a_containers_quota_are_honoured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str | None, expected: int
) -> None:
    if limit is not None:
        (tmp_path / "cpu.max").write_text(limit + "\n")
    monkeypatch.setattr(cores, "_CGROUP_LIMIT", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert cores.available_cores() == expected

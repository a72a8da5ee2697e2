"""How many cores may be used, in and out of containers, and that a cap reaches every library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

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


def test_one_piece_of_work_takes_one_thread_and_a_cap_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cores, "_most", 0)
    assert cores.threads_for(1) == 1
    assert cores.threads_for(1000) == cores.available_cores()
    monkeypatch.setattr(cores, "_most", 3)
    assert cores.threads_for(1000) == cores.thread_limit() == 3
    assert cores.threads_for(2) == 2


OPENS_A_GALLERY = """
import sys
from threadpoolctl import threadpool_info
from engine import Recognizer, cores
with Recognizer.open(sys.argv[1], create=True, backbone="fake"):
    blas = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    print(cores.thread_limit(), blas)
"""


def test_one_setting_caps_blas_and_all_who_ask(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPENS_A_GALLERY, str(tmp_path / "gallery")],
        env={**os.environ, "ONELOOK_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1 {1}\n"


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_blas_stays_on_one_thread_until_the_last_who_keeps_every_core_busy_is_done() -> None:
    before = blas_threads()
    first, second = cores.every_core_busy(), cores.every_core_busy()
    first.__enter__()
    second.__enter__()
    assert blas_threads() == {1}
    first.__exit__(None, None, None)
    assert blas_threads() == {1}
    cores.limit_threads(0)
    assert blas_threads() == {1}
    second.__exit__(None, None, None)
    assert blas_threads() == {cores.thread_limit()} == before

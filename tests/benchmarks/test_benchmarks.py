"""That benchmarks run at tiny sizes, and what they compute from times holds."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import results
from benchmarks.growth import exponent
from benchmarks.measuring import Target, percentiles
from benchmarks.photographs import encoded_photographs

ROOT = Path(__file__).parents[2]


def test_help_lists_modules_that_are_there() -> None:
    command = [sys.executable, "-m", "benchmarks", "--help"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]
    assert {"latency", "throughput", "peers", "growth", "startup", "memory"} <= set(names)
    assert all((ROOT / "benchmarks" / f"{name}.py").is_file() for name in names)


def test_an_unknown_benchmark_is_refused() -> None:
    command = [sys.executable, "-m", "benchmarks", "speed"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "expected one of latency" in done.stderr


def test_memory_is_measured(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.memory"]
    sizes = ["--pictures", "1100", "--classes", "50", "--dimension", "16"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run(
        [*command, *sizes],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "open gallery of 50 × 16" in done.stdout
    written = json.loads((tmp_path / "bench-results" / "memory.json").read_text())
    assert written["results"]["vectors_bytes"] == 50 * 16 * 4
    assert written["machine"]["cores"] >= 1


def test_every_option_of_make_bench_is_known() -> None:
    for name, options in {**results.SMALL, **results.TINY}.items():
        source = (ROOT / "benchmarks" / f"{name}.py").read_text()
        for option in options[::2]:
            assert f'"{option}"' in source, f"{name} {option}"


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_an_exponent_is_the_power(power: float) -> None:
    at = [1.0, 10.0, 100.0]
    assert exponent({"at": at, "ms": [3 * x**power for x in at]}) == pytest.approx(power)


def test_targets_are_met_at_their_bounds() -> None:
    assert Target("ratio", 3.0, 3.0).met
    assert not Target("ratio", 2.9, 3.0).met
    assert Target("time", 3.0, 3.0, at_most=True).met
    assert not Target("time", 3.1, 3.0, at_most=True).met


def test_percentiles_are_milliseconds() -> None:
    assert percentiles([0.001] * 99 + [0.1])["p50"] == pytest.approx(1.0)


def test_made_photographs_differ_and_are_as_large_as_photographs() -> None:
    first, second = encoded_photographs(2, 320, 240)
    assert first != second
    with Image.open(io.BytesIO(first)) as picture:
        assert picture.size == (320, 240)
        assert np.asarray(picture).std() > 20
    assert 0.1 < len(first) / (320 * 240) < 1.0

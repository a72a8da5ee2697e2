"""What the benchmarks share: timing, percentiles, the machine's description, results on disk."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path("bench-results")


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Milliseconds at p50, p95 and p99."""
    p50, p95, p99 = np.percentile(np.array(seconds) * 1000, [50, 95, 99])
    return {"p50": float(p50), "p95": float(p95), "p99": float(p99)}


def alternating(functions: dict[str, Callable[[int], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds that each function took in each round; they take turns, so that all share the noise.

    A function is given the round's number, and is run twice before it counts.
    """
    for function in functions.values():
        function(0)
        function(1)
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(rounds):
        for name, function in functions.items():
            started = time.perf_counter()
            function(number)
            taken[name].append(time.perf_counter() - started)
    return taken


def machine() -> dict[str, Any]:
    """Versions, cores and processor: what a figure depends on."""
    packages = ("onelook", "faiss-cpu", "numpy", "torch", "onnxruntime", "sqlalchemy", "pillow")
    return {
        "python": platform.python_version(),
        "processor": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "versions": {name: _version(name) for name in packages},
    }


def write_results(name: str, results: Any) -> Path:
    """Write a benchmark's figures, with the machine's description, as JSON."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine(), "results": results}, indent=2) + "\n")
    return path


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

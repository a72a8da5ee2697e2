"""What the benchmarks share: timing, percentiles, targets, the machine's description, results."""

from __future__ import annotations

import json
import os
import platform
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from engine.cores import available_cores

RESULTS = Path("bench-results")


@dataclass(frozen=True)
class Target:
    """What a figure should be, and what it was.

    Attributes:
        name: what is measured.
        measured: the figure; a ratio or seconds.
        wanted: its bound.
        at_most: whether the bound is an upper one.
    """

    name: str
    measured: float
    wanted: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        if self.at_most:
            return self.measured <= self.wanted
        return self.measured >= self.wanted


def targets_table(targets: Sequence[Target]) -> str:
    """A line a target."""
    lines = []
    for target in targets:
        sign = "≤" if target.at_most else "≥"
        verdict = "met" if target.met else "MISSED"
        bound = f"{sign} {target.wanted:g}"
        lines.append(f"{verdict:8}{target.name:62}{bound:>9}  measured {target.measured:.2f}")
    return "\n".join(lines)


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Milliseconds at p50, p95 and p99."""
    p50, p95, p99 = np.percentile(np.array(seconds) * 1000, [50, 95, 99])
    return {"p50": float(p50), "p95": float(p95), "p99": float(p99)}


def alternating(
    functions: dict[str, Callable[[int], Any]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds that each function took in each round; they take turns, so that all share the noise.

    The order is drawn anew each round: what one leaves behind, such as threads of BLAS that spin
    for a tenth of a second, falls upon each of the others now and then.

    A function is given the round's number, and is run twice before it counts.

    Args:
        clock: `time.process_time` where the machine is busy with other things.
    """
    for function in functions.values():
        function(0)
        function(1)
    taken: dict[str, list[float]] = {name: [] for name in functions}
    draw = random.Random(0)
    for number in range(rounds):
        for name in draw.sample(list(functions), len(functions)):
            started = clock()
            functions[name](number)
            taken[name].append(clock() - started)
    return taken


def seconds_of(function: Callable[[], Any]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def core_seconds_of(function: Callable[[], Any]) -> float:
    """The processor time that one call takes in this thread, which a busy machine changes less."""
    started = time.thread_time()
    function()
    return time.thread_time() - started


def all_core_seconds() -> float:
    """The processor time so far of this process and of those it started that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def machine() -> dict[str, Any]:
    """Versions, cores and processor: what a figure depends on."""
    packages = ("onelook", "faiss-cpu", "numpy", "torch", "onnxruntime", "sqlalchemy", "pillow")
    return {
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": available_cores(),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "versions": {name: package_version(name) for name in packages},
    }


def write_results(name: str, results: Any, targets: Sequence[Target] = ()) -> Path:
    """Write a benchmark's figures, with the machine's description, as JSON."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    written = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "targets": [asdict(target) | {"met": target.met} for target in targets],
        "results": results,
    }
    path.write_text(json.dumps(written, indent=2) + "\n")
    return path


def package_version(name: str) -> str | None:
    """An installed distribution's version, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    """The processor's model, and which wide instructions it has, as far as they can be told."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    described = {key.strip(): value.strip() for key, value in fields.items()}
    flags = described.get("flags", "").split()
    wide = [flag for flag in ("avx2", "avx512f", "amx_tile") if flag in flags]
    return " ".join([platform.machine(), described.get("model name", ""), *wide])

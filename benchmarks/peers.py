"""Peers: the same catalog and queries through other libraries, in the same run.

    python -m benchmarks.peers [--vectors 10000,100000] [--dimension 512] [--pictures 720]

Search: made vectors that lie as embeddings do; half of the queries are other views of enrolled
vectors, half are of the same kind but not enrolled. All libraries are asked all of them twice,
which doesn't count, then take turns. Filling is by each library's bulk path; Onelook's is a durable
gallery with its thresholds, decisions included. Recall is the share of queries whose exact nearest
came first.

End to end: icons turned a little, enrolled and queried by Onelook and by what users write instead
(`benchmarks.by_hand`), with the same network. A library that isn't installed is left out. Prints
tables, writes JSON and a plot to `bench-results/`.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
import warnings
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from benchmarks.enrolment_speed import enrolling, icons
from benchmarks.measuring import RESULTS, alternating, package_version, seconds_of, write_results
from benchmarks.peer_searches import PEERS, Search
from engine.recognizer import Recognizer
from engine.testing.vectors import clustered_rows, seen_again

QUERIES = 400
BATCH = 64


def searches(count: int, dimension: int, turns: int) -> list[dict[str, Any]]:
    """Every library at one size."""
    made = clustered_rows(count + QUERIES // 2, dimension)
    rows = made[:count]
    known = rows[:: max(1, count // (QUERIES // 2))][: QUERIES // 2]
    queries = np.concatenate([seen_again(known), made[count:]])
    exact = (queries @ rows.T).argmax(axis=1)
    filled: dict[str, Search] = {}
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="onelook-peers-", ignore_cleanup_errors=True) as folder:
        for peer in PEERS:
            if peer.module is not None and find_spec(peer.module) is None:
                print(f"{peer.name} is left out: pip install {peer.package}", flush=True)
                continue
            gc.collect()
            started = time.perf_counter()
            filled[peer.name] = peer.make(rows, Path(folder))
            taken = time.perf_counter() - started
            found.append({"name": peer.name, "vectors": count, "filling_s": taken})
        for search in filled.values():  # a service that has run for a while, not its first query
            search.nearest(queries)
            search.nearest(queries)
        single = alternating(
            {
                name: partial(lambda search, i: search.nearest(queries[i % QUERIES][None]), search)
                for name, search in filled.items()
            },
            turns,
        )
        batches = alternating(
            {
                name: partial(lambda search, _: search.nearest(queries[:BATCH]), search)
                for name, search in filled.items()
            },
            max(2, turns // 20),
        )
        for row in found:
            name = row["name"]
            row["ms"] = 1000 * median(single[name])
            row["batch_ms"] = 1000 * median(batches[name]) / BATCH
            row["recall"] = float((filled[name].nearest(queries) == exact).mean())
    return found


def end_to_end(count: int) -> list[dict[str, Any]]:
    """Pictures enrolled a second, milliseconds a query, pictures queried a second in bulk."""
    from benchmarks.by_hand import AfternoonScript, MetricLearning

    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="onelook-peers-") as name:
        paths = icons(Path(name) / "icons", count)
        asked = paths[: max(32, count // 4)]
        place = Path(name) / "made.gallery"
        with Recognizer.open(place, create=True, local_features=0) as recognizer:
            recognizer.embed(paths[:1])
            taken = enrolling(recognizer, paths[0].parent)
            single = [seconds_of(partial(recognizer.recognize, path)) for path in asked[:32]]
            bulk = seconds_of(lambda: list(recognizer.recognize_many(asked)))
            found.append(_row("Onelook, decisions", count, taken, single, len(asked), bulk))
        for title, other in (
            ("timm and FAISS, by hand", AfternoonScript()),
            ("pytorch-metric-learning", MetricLearning()),
        ):
            other.enroll(paths[:1])
            taken = seconds_of(partial(other.enroll, paths))
            single = [seconds_of(partial(other.nearest, path)) for path in asked[:32]]
            bulk = seconds_of(partial(other.nearest_many, asked))
            found.append(_row(title, count, taken, single, len(asked), bulk))
    return found


def _row(
    name: str, count: int, enrolling: float, single: list[float], asked: int, bulk: float
) -> dict[str, Any]:
    return {
        "name": name,
        "enrolled_a_second": count / enrolling,
        "query_ms": 1000 * median(single),
        "queried_a_second": asked / bulk,
    }


def table(sizes: list[list[dict[str, Any]]], pictures: list[dict[str, Any]]) -> str:
    lines = [
        f"{'vectors':>9}  {'search by':22}{'filled in s':>12}{'ms a query':>12}"
        f"{f'in {BATCH}s':>10}{'recall@1':>10}"
    ]
    for found in sizes:
        lines += [
            f"{row['vectors']:>9,}  {row['name']:22}{row['filling_s']:12.1f}{row['ms']:12.3f}"
            f"{row['batch_ms']:10.3f}{row['recall']:10.3f}"
            for row in found
        ]
    lines += [
        "",
        f"{'pictures, end to end':28}{'enrolled/s':>12}{'ms a query':>12}{'queried/s':>12}",
    ]
    lines += [
        f"{row['name']:28}{row['enrolled_a_second']:12.1f}{row['query_ms']:12.1f}"
        f"{row['queried_a_second']:12.1f}"
        for row in pictures
    ]
    return "\n".join(lines)


def plot(sizes: list[list[dict[str, Any]]], path: Path) -> None:
    figure, axes = plt.subplots(1, len(sizes), figsize=(5 * len(sizes), 3.4), layout="constrained")
    for ax, found in zip(np.atleast_1d(axes), sizes, strict=True):
        rows = sorted(found, key=lambda row: -row["ms"])
        colours = ["#cc6644" if row["name"].startswith("Onelook") else "#4477aa" for row in rows]
        ax.barh([row["name"] for row in rows], [row["ms"] for row in rows], color=colours)
        ax.set(xscale="log", xlabel="ms a query", title=f"{rows[0]['vectors']:,} vectors")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--vectors", default="10000,100000", help="numbers, by commas")
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--pictures", type=int, default=720)
    arguments = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peers' own
        pictures = end_to_end(arguments.pictures)
        sizes = [
            searches(int(count), arguments.dimension, arguments.turns)
            for count in arguments.vectors.split(",")
        ]
    print(table(sizes, pictures))
    versions = {peer.package: package_version(peer.package) for peer in PEERS if peer.package}
    versions["pytorch-metric-learning"] = package_version("pytorch-metric-learning")
    print(", ".join(f"{name} {found}" for name, found in versions.items() if found))
    write_results("peers", {"versions": versions, "search": sizes, "pictures": pictures})
    plot(sizes, RESULTS / "peers.png")
    print(f"{RESULTS / 'peers.json'}, {RESULTS / 'peers.png'}")


if __name__ == "__main__":
    main()

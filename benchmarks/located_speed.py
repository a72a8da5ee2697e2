"""What a verdict with all evidence costs, by classes; and peers that match points, beside.

    python -m benchmarks located_speed --kind FOLDER --distractors FOLDER [--classes 1000 10000]

A folder's pictures are enrolled among others', so many classes in all. A query is decoded before
the clock runs. Timed in turns: finding its points alone; a verdict by the whole frame's embedding
alone; and one with all evidence asked for: closer look, points, votes and verification.
Processor time is told, which a busy machine changes less; of peers too.
Peers (`benchmarks.located_peers`) are asked at the fewest classes, `PEERS_ASKED` queries each.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.kinds import Kind
from benchmarks.located import Crowd, crowd_paths, gallery
from benchmarks.located_peers import PEERS, PointPeer
from benchmarks.measuring import (
    Target,
    alternating,
    core_seconds_of,
    percentiles,
    targets_table,
    write_results,
)
from benchmarks.memory import resident_bytes
from benchmarks.verdicts import read
from engine.backbones import DEFAULT_BACKBONE, load_backbone
from engine.features import Embedder, FeatureExtractor
from engine.gallery import Snapshot, decide_queries
from engine.gallery.deciding import decisions
from engine.gallery.snapshot.local import LocalTable
from engine.images import LoadedImage, load_image
from engine.local import ENROLLED_LONG_SIDE, QUERY_LONG_SIDE, grey_view
from engine.memory import give_memory_back
from engine.settings import cache_folder
from engine.types import ByteArray

ROUNDS = 40
PEERS_ASKED = 4


def timed(
    snapshot: Snapshot, extractor: FeatureExtractor, queries: Sequence[LoadedImage]
) -> dict[str, dict[str, float]]:
    """Milliseconds of processor time of each way to ask, in turns."""

    def asked(number: int, *, local: bool | None) -> None:
        picture = queries[number % len(queries)]
        size = picture.width, picture.height
        vector = extractor.embedder.embed([picture.pixels])
        view = None if local is None else extractor.view_of(picture.pixels, size, local=local)
        decide_queries(
            snapshot,
            snapshot.projection.apply_queries(vector),
            [picture.source],
            views=None if view is None else [view],
        )

    def extracted(number: int) -> None:
        picture = queries[number % len(queries)]
        view = extractor.view_of(picture.pixels, (picture.width, picture.height), local=True)
        assert view is not None
        view.query()

    snapshot.local.votes()
    ways: dict[str, Callable[[int], None]] = {
        "extraction alone": extracted,
        "whole frame alone": partial(asked, local=None),
        "all evidence": partial(asked, local=True),
    }
    clear, decisions.CLEAR = decisions.CLEAR, np.inf  # nothing is settled early
    try:
        taken = alternating(ways, ROUNDS, time.process_time)
        return {name: percentiles(seconds) for name, seconds in taken.items()}
    finally:
        decisions.CLEAR = clear


def peers(
    enrolled: Sequence[Path], queries: Sequence[LoadedImage], truth: Sequence[int]
) -> list[dict[str, Any]]:
    """Milliseconds a query and the share right, extraction of the query included."""
    views = [
        np.asarray(grey_view(load_image(path).pixels, ENROLLED_LONG_SIDE)) for path in enrolled
    ]
    asked = [np.asarray(grey_view(picture.pixels, QUERY_LONG_SIDE)) for picture in queries]
    found = []
    for make in PEERS:
        peer = make(views)
        answers: list[int] = []
        taken = [core_seconds_of(partial(_answer, peer, view, answers)) for view in asked]
        right = float(np.mean(np.array(answers) == truth))
        found.append({"name": make.name, **percentiles(taken), "right": right})
        print(f"  {make.name:42}{found[-1]['p50']:10.1f} ms, right {right:.0%}", flush=True)
    return found


def _answer(peer: PointPeer, view: ByteArray, answers: list[int]) -> None:
    answers.append(peer.find(view))


def bytes_a_descriptor(table: LocalTable) -> float:
    """What making the index over a table's points adds to the process, a point."""
    gc.collect()
    give_memory_back()
    before = resident_bytes()
    votes = table.votes()
    gc.collect()
    give_memory_back()
    return (resident_bytes() - before) / votes.descriptors


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks located_speed", description=__doc__)
    parser.add_argument("--kind", type=Path, required=True)
    parser.add_argument("--distractors", type=Path, required=True)
    parser.add_argument("--classes", type=int, nargs="+", default=[1000, 10_000])
    asked = parser.parse_args()
    extractor = FeatureExtractor(Embedder(load_backbone(DEFAULT_BACKBONE)))
    folder = cache_folder(None) / "benchmarks"
    pictures = read(Kind.read(asked.kind), extractor, folder)
    crowd = Crowd.read(asked.distractors, extractor, folder)
    everyone = np.arange(len(pictures.kind.labels))
    queries = [load_image(path) for _, path in pictures.kind.queries[:ROUNDS]]
    results: dict[str, Any] = {"classes": {}}
    taken = np.nan
    targets: list[Target] = []
    for classes in sorted(asked.classes):
        others = crowd.first(classes - len(everyone))
        snapshot = gallery(pictures, everyone, local=True, crowd=others)
        taken = bytes_a_descriptor(others.table)
        found = timed(snapshot, extractor, queries)
        results["classes"][snapshot.classes] = {"milliseconds": found, "bytes_a_descriptor": taken}
        print(f"{snapshot.classes:,} classes, {snapshot.local.votes().descriptors:,} descriptors")
        for way, figures in found.items():
            print(f"  {way:20}{figures['p50']:8.1f} ms, p95 {figures['p95']:8.1f}", flush=True)
        ratio = found["all evidence"]["p50"] / found["extraction alone"]["p50"]
        name = f"at {snapshot.classes:,} classes: "
        targets.append(Target(name + "all evidence over extraction, p50", ratio, 4.0, at_most=True))
    targets.append(Target("bytes a descriptor, with the most classes", taken, 80.0, at_most=True))
    fewest = min(asked.classes) - len(everyone)
    paths = [*pictures.kind.catalog.values(), *crowd_paths(asked.distractors)[:fewest]]
    truth = pictures.embedded.truth[:PEERS_ASKED].tolist()
    results["peers"] = peers(paths, queries[:PEERS_ASKED], truth)
    print(targets_table(targets))
    print(write_results("located_speed", results, targets))


if __name__ == "__main__":
    main()

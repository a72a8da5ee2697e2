"""What local features cost and give: time, memory, nomination, verdicts, outlines.

    python -m benchmarks located --kinds FOLDER ... [--distractors FOLDER] [--splits 20]

Kinds are folders as `python -m benchmarks recognition` takes them. For each, galleries of half of
the classes are filled and asked by `Recognizer`, defaults throughout, calibrated on the gallery
alone. Strangers whose *brand* (the label up to its first underscore) is enrolled are counted a
second time apart: a sibling with a common mark is what is mistaken. With `--distractors`, the
pictures of that folder are enrolled beside every class of the first kind, and it is counted how
often the right class is among the 20 that a query's points vote for.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from benchmarks.kinds import Kind
from benchmarks.measuring import (
    Target,
    alternating,
    core_seconds_of,
    percentiles,
    seconds_of,
    targets_table,
    write_results,
)
from engine.bulk.folders import PICTURE_SUFFIXES
from engine.features.extractor import stored_local_features
from engine.gallery.snapshot.local import VOTERS
from engine.images import load_image
from engine.indexes.votes import Votes
from engine.local import (
    QUERY_LONG_SIDE,
    CodedFeatures,
    LocalQuery,
    QueryView,
    default_extractor,
    find,
)
from engine.local.sift import shrunk
from engine.local.views import QUERY_POINTS
from engine.recognizer import Recognizer
from engine.settings import AUTO_POINTS
from engine.synthesis import synthesize

TIMED = 20
OUTLINED = 60


def brand(label: str) -> str:
    """What siblings share of their labels."""
    first = label.partition("_")[0]
    return first.rstrip("0123456789") or first


def extraction(kind: Kind) -> Target:
    """Processor time of extraction over OpenCV's own on the same views."""
    ours, theirs, extractor = 0.0, 0.0, default_extractor()
    for _, path in kind.queries[:TIMED]:
        picture = load_image(path).pixels
        view = Image.fromarray(shrunk(np.asarray(picture.convert("L")), QUERY_LONG_SIDE))
        grey = np.asarray(view)
        sift = cv2.SIFT.create(nfeatures=QUERY_POINTS)
        theirs += core_seconds_of(lambda g=grey, s=sift: s.detectAndCompute(g, None))
        ours += core_seconds_of(
            lambda v=view: extractor.extract(
                v, long_side=QUERY_LONG_SIDE, points=QUERY_POINTS, size=v.size
            )
        )
    return Target("extraction over OpenCV's detectAndCompute", ours / theirs, 1.2, at_most=True)


def verdicts(kind: Kind, *, splits: int, points: str) -> dict[str, float]:
    """Means over splits of what the decisions of `Recognizer` come to."""
    rows = []
    for seed in range(splits):
        drawn = np.random.default_rng(seed).permutation(len(kind.labels))
        enrolled = {kind.labels[place] for place in drawn[: len(drawn) // 2]}
        brands = {brand(label) for label in enrolled}
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "g.gallery"
            with Recognizer.open(place, create=True, local_features=points) as recognizer:
                recognizer.enroll_catalog([(each, kind.catalog[each]) for each in sorted(enrolled)])
                found = list(recognizer.recognize_many(path for _, path in kind.queries))
        truth = [label for label, _ in kind.queries]
        known = np.array([label in enrolled for label in truth])
        first = [
            decision.candidates[0].label == t for decision, t in zip(found, truth, strict=True)
        ]
        right = [decision.label == t for decision, t in zip(found, truth, strict=True)]
        given = np.array([decision.known for decision in found])
        sibling = np.array([brand(label) in brands for label in truth])
        unlike = ~known & ~sibling
        rows.append(
            [
                np.array(first)[known].mean(),
                np.array(right)[known].mean(),
                given[~known].mean(),
                given[unlike].mean() if unlike.any() else 0.0,
            ]
        )
    names = ("top_1", "tpir", "fpir", "fpir_without_siblings")
    return dict(zip(names, np.mean(np.array(rows), axis=0).tolist(), strict=True))


def nomination(kind: Kind, distractors: Path) -> tuple[dict[str, Any], list[Target]]:
    """Recall at 20 among many others, and what the index takes."""
    others = [p for p in sorted(distractors.rglob("*")) if p.suffix.lower() in PICTURE_SUFFIXES]
    pictures = [*kind.catalog.values(), *others]
    features = {
        number: CodedFeatures.from_bytes(stored_local_features(load_image(p), AUTO_POINTS).data)
        for number, p in enumerate(pictures)
    }
    votes = Votes()
    built = seconds_of(lambda: votes.added(features))
    votes = votes.added(features)
    queries = [_query(path) for _, path in kind.queries]
    own = {label: number for number, label in enumerate(kind.labels)}
    hits = [
        own[label] in votes.vote(query.features.descriptors[:VOTERS], 20)[0]
        for (label, _), query in zip(kind.queries, queries, strict=True)
    ]
    timed = alternating(
        {
            "extraction": lambda n: _query(kind.queries[n % len(queries)][1]),
            "votes": lambda n: votes.vote(
                queries[n % len(queries)].features.descriptors[:VOTERS], 8
            ),
        },
        TIMED,
    )
    figures = {
        "pictures": len(pictures),
        "descriptors": votes.descriptors,
        "seconds_to_build": built,
        "milliseconds": {name: percentiles(taken) for name, taken in timed.items()},
    }
    return figures, [Target("nomination: recall at 20", float(np.mean(hits)), 0.98)]


def outlines(kind: Kind) -> Target:
    """Share of synthetic photographs, found, whose outline overlaps the truth by 0.8 and more."""
    good = []
    for number, path in enumerate(list(kind.catalog.values())[:OUTLINED]):
        loaded = load_image(path)
        coded = CodedFeatures.from_bytes(stored_local_features(loaded, AUTO_POINTS).data)
        photograph = synthesize(np.asarray(loaded.pixels), number, size=640)
        view = QueryView(Image.fromarray(photograph.pixels), (640, 640))
        match = find(view.query(), coded)
        if match is not None and match.log_false_alarms < -6:
            good.append(_overlap(match.corners, photograph.corners, 640) >= 0.8)
    return Target("outlines found that overlap the truth by 0.8", float(np.mean(good)), 0.9)


def _query(path: Path) -> LocalQuery:
    loaded = load_image(path)
    return QueryView(loaded.pixels, (loaded.width, loaded.height)).query()


def _overlap(first: np.ndarray, second: np.ndarray, side: int) -> float:
    """Intersection over union of two outlines within a square picture, counted in pixels."""
    masks = []
    for outline in (first, second):
        mask = np.zeros((side, side), np.uint8)
        cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 1)
        masks.append(mask.astype(bool))
    return float((masks[0] & masks[1]).sum() / max(1, (masks[0] | masks[1]).sum()))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks located", description=__doc__)
    parser.add_argument("--kinds", type=Path, nargs="+", required=True)
    parser.add_argument("--distractors", type=Path)
    parser.add_argument("--splits", type=int, default=20)
    asked = parser.parse_args()
    kinds = [Kind.read(folder) for folder in asked.kinds]
    results: dict[str, Any] = {"verdicts": {}}
    targets = [extraction(kinds[0]), outlines(kinds[0])]
    if asked.distractors is not None:
        results["nomination"], found = nomination(kinds[0], asked.distractors)
        targets += found
    print(f"{'kind':24}{'local':>8}{'top-1':>8}{'TPIR':>8}{'FPIR':>8}{'no siblings':>13}")
    for kind in kinds:
        for points in ("none", "auto"):
            row = verdicts(kind, splits=asked.splits, points=points)
            results["verdicts"][f"{kind.name}, {points}"] = row
            figures = "".join(f"{value:8.3f}" for value in list(row.values())[:3])
            print(f"{kind.name:24}{points:>8}{figures}{row['fpir_without_siblings']:13.3f}")
    print(targets_table(targets))
    print(write_results("located", results, targets))


if __name__ == "__main__":
    main()

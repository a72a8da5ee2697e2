"""How well pictures by another hand are recognised, and strangers refused: levers side by side.

    python -m benchmarks.recognition --catalog DIR_A --queries DIR_B [--splits 4] [--json FILE]
    python -m benchmarks.recognition --emoji GOOGLE_PACKAGE TWITTER_PACKAGE
    python -m benchmarks.recognition --kinds FOLDER ... [--emoji ...]   (see `benchmarks.kinds`)

One folder is enrolled, one picture a class, the other is queried; equal file stems are one class.
For each split, a fixed seed makes half of the classes strangers: their catalog pictures aren't
enrolled, their queries should be called unknown. Figures are means over the splits. Nothing is
fitted to the queries: the thresholds know the enrolled pictures only. One row searches the space
that `onelook adapt` learns from changed views of some of them, were it kept. In the last rows two
fifths of the queries, knowns and strangers mixed, are given without labels, and the others are
scored.

`--emoji` reads the npm packages `emoji-datasource-google` and `emoji-datasource-twitter`, unpacked,
and leaves skin tones out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import kinds
from engine.backbones import DEFAULT_BACKBONE, load_backbone
from engine.bulk.folders import PICTURE_SUFFIXES
from engine.evaluation.levers import levers
from engine.features import Embedder, FeatureExtractor
from engine.gallery.deciding.evidence import calibrate
from engine.images import load_image
from engine.metrics import open_set
from engine.metrics.closed_set import top_k
from engine.playing.enrolled import Enrolled
from engine.playing.play import Match, play, stranger_scores
from engine.playing.queries import embed_queries
from engine.playing.scorers import OwnRule, Scorer
from engine.tuning.adapting import adapted_projection
from engine.tuning.within_class import (
    MOST_CLASSES,
    Views,
    some_views,
    within_class_projection,
)
from engine.types import FloatArray, IntArray

SKIN_TONES = {f"{code:x}" for code in range(0x1F3FB, 0x1F400)}
FPIRS = (0.01, 0.05)
UNLABELLED = 0.4


@dataclass(frozen=True)
class Pairs:
    """Two pictures of each thing: `(n, dim) float32` each, unit rows, in the labels' order.

    The views are of some catalog pictures; for classes they have the rows of these.
    """

    labels: list[str]
    catalog: FloatArray
    queries: FloatArray
    views: Views
    embedder: Embedder


@dataclass(frozen=True)
class Figures:
    """One lever on one split; shares of 1."""

    top_1: float
    auroc: float
    tpir_at_1: float
    tpir_at_5: float
    fpir_reached_at_1: float
    fpir_reached_at_5: float


def main() -> None:
    arguments = _arguments()
    if arguments.kinds:
        _over_kinds(arguments)
        return
    if arguments.emoji:
        first, second = (_emoji(Path(package)) for package in arguments.emoji)
    else:
        first, second = _pictures(arguments.catalog), _pictures(arguments.queries)
    pairs = embed_pairs(first, second, arguments.backbone)
    measured = [split_figures(pairs, seed) for seed in range(arguments.splits)]
    rows = {name: [figures[name] for figures in measured] for name in measured[0]}
    print(f"{len(pairs.labels)} classes, half of them strangers; {arguments.splits} splits")
    print(table(rows))
    if arguments.json:
        splits = {name: [asdict(figures) for figures in row] for name, row in rows.items()}
        report = {
            "backbone": pairs.embedder.space.backbone,
            "classes": len(pairs.labels),
            "splits": splits,
            "means": {name: asdict(mean_of(row)) for name, row in rows.items()},
        }
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


def _over_kinds(arguments: argparse.Namespace) -> None:
    read = [
        kinds.Kind.read(folder, all_enrolled=folder.name in arguments.all_enrolled)
        for folder in arguments.kinds
    ]
    if arguments.emoji:
        first, second = (_emoji(Path(package)) for package in arguments.emoji)
        read.append(kinds.Kind.of_pairs("emoji", first, second))
    rows = kinds.measured(
        read, arguments.backbone, splits=arguments.splits, asked=arguments.recognizer
    )
    for kind in read:
        strangers = "all enrolled" if kind.all_enrolled else "half of them strangers"
        print(f"{kind.name}: {len(kind.catalog)} classes, {strangers}; {len(kind.queries)} queries")
    print(kinds.table(rows))
    if arguments.json:
        kinds.write_json(rows, read, arguments.backbone, arguments.json)


def embed_pairs(first: dict[str, Path], second: dict[str, Path], backbone: str) -> Pairs:
    """Embed the pictures whose stems both folders have, each once."""
    labels = sorted(first.keys() & second.keys())
    if len(labels) < 4:
        raise SystemExit(
            f"expected at least 4 pictures with equal names in both folders, but got {len(labels)}"
        )
    embedder = Embedder(load_backbone(backbone))
    extractor = FeatureExtractor(embedder)
    sides = []
    for pictures in (first, second):
        embedded = embed_queries([(label, pictures[label]) for label in labels], extractor)
        if embedded.rejects:
            raise SystemExit(f"{embedded.rejects[0].source}: {embedded.rejects[0].reason}")
        sides.append(embedded.embeddings)
    views = _views([first[label] for label in labels], sides[0], embedder)
    return Pairs(labels, sides[0], sides[1], views, embedder)


def _views(catalog: list[Path], embeddings: FloatArray, embedder: Embedder) -> Views:
    chosen = np.sort(np.random.default_rng(0).permutation(len(catalog))[: 2 * MOST_CLASSES])
    rows, kinds = [], []

    def made() -> Iterator[Image.Image]:
        for row in chosen.tolist():
            for kind, view in some_views(load_image(catalog[row]).pixels, row):
                rows.append(row)
                kinds.append(kind)
                yield view

    vectors = embedder.embed(made())
    return Views(vectors, embeddings[rows], np.array(rows, np.int64), np.array(kinds, np.int64))


def split_figures(pairs: Pairs, seed: int) -> dict[str, Figures]:
    """Every lever's figures with half of the classes as strangers."""
    n = len(pairs.labels)
    enrolled_rows = np.sort(np.random.default_rng(seed).permutation(n)[: n // 2])
    enrolled = Enrolled.in_memory(
        pairs.catalog[enrolled_rows],
        [pairs.labels[row] for row in enrolled_rows],
        pairs.embedder.space,
        target_fpir=FPIRS[1],
    )
    classes = np.full(n, -1)
    classes[enrolled_rows] = enrolled.class_ids
    match = Match(pairs.queries, classes, np.arange(n), left_out=False)
    figures = {lever.name: _figures(lever.scorer(enrolled), match) for lever in levers(enrolled)}
    kept = pairs.views.take(classes[pairs.views.classes] >= 0)
    views = replace(kept, classes=classes[kept.classes])
    learned = within_class_projection(enrolled.snapshot.projection, enrolled, views)
    learned_space = OwnRule(enrolled.snapshot_in(learned))
    figures["adapted to the gallery alone"] = _figures(learned_space, match)
    return figures | _with_unlabelled(enrolled, pairs.queries, classes, seed)


def _with_unlabelled(
    enrolled: Enrolled, queries: FloatArray, classes: IntArray, seed: int
) -> dict[str, Figures]:
    """The gallery calibrated on, and then adapted to, queries that are not scored afterwards."""
    given = np.random.default_rng(1000 + seed).random(len(queries)) < UNLABELLED
    rest = Match(queries[~given], classes[~given], np.arange((~given).sum()), left_out=False)
    adapted = enrolled.snapshot_in(adapted_projection(enrolled, queries[given]))
    figures = {"not given, for comparison": _figures(OwnRule(enrolled.snapshot), rest)}
    for name, snapshot in (
        ("calibrated on unlabelled queries", enrolled.snapshot),
        ("and adapted to them", adapted),
    ):
        seen = snapshot.projection.apply_queries(queries[given])
        calibration = calibrate(snapshot, generation=0, unlabelled=seen)
        calibrated = replace(snapshot, calibration=calibration)
        figures[name] = _figures(OwnRule(calibrated), rest)
    return figures


def mean_of(figures: list[Figures]) -> Figures:
    """Their means over the splits."""
    columns = zip(*(asdict(row).values() for row in figures), strict=True)
    return Figures(*(float(np.mean(column)) for column in columns))


def table(rows: dict[str, list[Figures]]) -> str:
    """Means over the splits in percent, and the range of the FPIR reached."""
    lines = [
        f"{'':34}{'top-1':>7}{'AUROC':>8}{'TPIR at FPIR':>16}{'FPIR reached for a target of':>38}",
        f"{'':34}{'':7}{'':8}{'1 %':>8}{'5 %':>8}{'1 %':>19}{'5 %':>19}",
    ]
    for name, figures in rows.items():
        mean = mean_of(figures)
        lines.append(
            f"{name:34}{mean.top_1:7.1%}{mean.auroc:8.3f}{mean.tpir_at_1:8.1%}{mean.tpir_at_5:8.1%}"
            + _reached([row.fpir_reached_at_1 for row in figures])
            + _reached([row.fpir_reached_at_5 for row in figures])
        )
    return "\n".join(lines)


def _reached(values: list[float]) -> str:
    return f"{np.mean(values):6.1%} ({min(values):.1%}–{max(values):.1%})".rjust(19)


def _figures(scorer: Scorer, match: Match) -> Figures:
    trials = play(match, scorer, FPIRS[1])
    known, strangers = trials.known, trials.strangers.scores
    tpirs = [1 - open_set.fnir_at_fpir(known.scores, known.correct, strangers, f) for f in FPIRS]
    reached = [float(np.mean(s >= 0)) for s in stranger_scores(match, scorer, list(FPIRS))]
    return Figures(top_k(known.ranks, 1), open_set.auroc(known.scores, strangers), *tpirs, *reached)


def _pictures(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise SystemExit(f"{folder}: expected a folder of pictures, but there is none")
    return {
        path.stem: path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in PICTURE_SUFFIXES
    }


def _emoji(package: Path) -> dict[str, Path]:
    """The pictures of an emoji-datasource package, without those of another skin tone."""
    folders = sorted(package.glob("img/*/64"))
    if not folders:
        raise SystemExit(f"{package}: expected an unpacked emoji-datasource package (img/*/64)")
    pictures = _pictures(folders[0])
    return {stem: p for stem, p in pictures.items() if not SKIN_TONES & set(stem.split("-"))}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--catalog", type=Path, help="folder to enroll; stems are labels")
    parser.add_argument("--queries", type=Path, help="folder to query, with the same stems")
    parser.add_argument("--emoji", nargs=2, metavar=("GOOGLE", "TWITTER"), help="unpacked packages")
    parser.add_argument("--splits", type=int, default=4)
    parser.add_argument("--backbone", default=DEFAULT_BACKBONE)
    parser.add_argument("--kinds", nargs="+", type=Path, help="folders of catalog/ and queries/")
    parser.add_argument(
        "--all-enrolled", nargs="+", default=[], metavar="NAME", help="kinds without strangers"
    )
    parser.add_argument(
        "--recognizer", type=int, default=0, metavar="N", help="also write and ask N splits"
    )
    parser.add_argument("--json", type=Path, help="write every split's figures there")
    arguments = parser.parse_args()
    if not (arguments.kinds or arguments.emoji or (arguments.catalog and arguments.queries)):
        parser.error("expected --kinds, --catalog and --queries, or --emoji")
    if arguments.splits < 1:
        parser.error(f"expected at least one split, but got {arguments.splits}")
    return arguments


if __name__ == "__main__":
    main()

"""Whether fresh galleries' verdicts hold their target FPIR, over kinds of pictures and sizes.

    python -m benchmarks verdicts --kinds FOLDER ... [--splits 20] [--given N] [--unlabelled N]
        [--twice] [--json FILE]

A kind is a folder as `benchmarks.kinds` reads it. For each split, a fixed seed enrolls some classes
(half of them, or 50, 20 or 5), one picture each; the others' queries are strangers. A gallery knows
what it enrolled, and calibrates itself on that and on synthetic photographs of it, as `onelook
enroll` does; it decides as `recognize` does: by the whole picture, by its middle where the whole
doesn't settle a query, and by local evidence. It is judged at two targets:

- *FPIR*: the share of strangers given a label, pooled over the splits, and its 95 % interval, for
  which classes are resampled, since a class's pictures are no independent witnesses;
- *right*: the share of known queries given their label (TPIR); *oracle*: what the same scores allow
  with the one threshold that would hold the target on these very strangers.

With `--given N` galleries are calibrated on N strangers instead, as by `onelook calibrate
--unknown`: one picture each of N classes that aren't enrolled, and all others' are asked. Sizes
that leave fewer than twice as many classes strangers are passed over.

With `--unlabelled N` they are calibrated on N queries of whatever class besides, as by `onelook
calibrate --queries --unlabelled`, and all other queries are asked; kinds with fewer than twice as
many are passed over.

With `--twice` the first query of each class is set aside. Half of the classes are enrolled of one
picture, and then of two, the one set aside being the second; it has no local features, and no
photograph is made of it. Classes without another query then say nothing.

Kinds with fewer than 300 different stranger pictures are judged at 5 % only. Features are kept by
the pictures' content and the embedding space, in the user's cache folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.kinds import Embedded, Kind, embedded
from benchmarks.local_evidence import (
    Found,
    WholeTable,
    enrolled_features,
    kept_views,
    remembered,
)
from engine.backbones import DEFAULT_BACKBONE, load_backbone
from engine.features import Embedder, FeatureExtractor
from engine.gallery.deciding.evidence import calibrate
from engine.gallery.deciding.left_out import Photographs
from engine.images import load_image
from engine.local import QueryView
from engine.playing.enrolled import Enrolled
from engine.playing.play import Match, play
from engine.playing.scorers import OwnRule
from engine.settings import cache_folder
from engine.tuning.photographs import MOST, OF_ONE, photographs_of_one
from engine.types import BoolArray, IntArray, Space

TARGETS = (0.05, 0.01)
SIZES = (None, 50, 20, 5)
LEAST_STRANGERS = 300
LOW, HIGH, FAR = 0.3, 2.0, 3.0
"""FPIR over target: it holds within the first two; an interval above the third is a fault."""

_RESAMPLES = 400


@dataclass(frozen=True)
class Verdict:
    """A kind at one size of gallery and one target; shares of 1.

    Attributes:
        size: classes enrolled; None for half of them.
    """

    kind: str
    size: int | None
    classes: int
    target: float
    strangers: int
    fpir: float
    low: float
    high: float
    right: float
    oracle: float

    @property
    def judged(self) -> bool:
        return self.target >= max(TARGETS) or self.strangers >= LEAST_STRANGERS

    @property
    def holds(self) -> bool:
        return LOW * self.target <= self.fpir <= HIGH * self.target

    @property
    def verdict(self) -> str:
        if not self.judged:
            return ""
        return "holds" if self.holds else "above" if self.low > FAR * self.target else "-"

    @property
    def ratio(self) -> float:
        """Right over the oracle's; 1 where there is nothing to be had."""
        return self.right / self.oracle if self.oracle else 1.0


@dataclass(frozen=True)
class Pictures:
    """All that is compared of a kind's pictures.

    Attributes:
        local: the catalog's local features.
        views: the queries'.
        photographs: of the whole catalog, `OF_ONE` of each.
    """

    kind: Kind
    embedded: Embedded
    local: WholeTable
    views: tuple[QueryView, ...]
    photographs: Photographs
    space: Space


def of_one_and_two(
    pictures: Pictures, splits: int, found: Found
) -> Iterator[tuple[int, float, float]]:
    """How many pictures a class; the share of known queries given their label; FPIR, at 5 %."""
    truth = pictures.embedded.truth
    _, second = np.unique(truth, return_index=True)
    asked = np.setdiff1d(np.arange(len(truth)), second)
    classes = len(pictures.kind.labels) // 2
    for seconds in (None, second):
        with remembered(found):
            outcomes = [of_split(pictures, classes, s, asked, seconds) for s in range(splits)]
        yield (
            1 if seconds is None else 2,
            float(np.mean([split[0][2] for split in outcomes])),
            float(np.concatenate([split[0][0] for split in outcomes]).mean()),
        )


def verdicts(
    pictures: Pictures, splits: int, found: Found, given: int = 0, unlabelled: int = 0
) -> Iterator[Verdict]:
    """A kind's verdicts at every size that leaves a third of its classes strangers.

    Args:
        given, unlabelled: so many strangers, and so many unlabelled queries, are given to
            calibrate on; 0 for a gallery that knows none.
    """
    count = len(pictures.kind.labels)
    for size in SIZES:
        classes = count // 2 if size is None else size
        if 3 * classes > 2 * count or 2 * given > count - classes:
            continue
        if 2 * unlabelled > len(pictures.embedded.truth):
            continue
        with remembered(found):
            outcomes = [
                of_split(pictures, classes, s, given=given, unlabelled=unlabelled)
                for s in range(splits)
            ]
        for place, target in enumerate(TARGETS):
            let_in, truth = (
                np.concatenate([split[place][part] for split in outcomes]) for part in (0, 1)
            )
            low, high = _interval(let_in, truth)
            yield Verdict(
                kind=pictures.kind.name,
                size=size,
                classes=classes,
                target=target,
                strangers=len(pictures.embedded.truth),
                fpir=float(let_in.mean()),
                low=low,
                high=high,
                right=float(np.nanmean([split[place][2] for split in outcomes])),
                oracle=float(np.nanmean([split[place][3] for split in outcomes])),
            )


def of_split(
    pictures: Pictures,
    classes: int,
    seed: int,
    asked: IntArray | None = None,
    second: IntArray | None = None,
    given: int = 0,
    unlabelled: int = 0,
) -> list[tuple[BoolArray, IntArray, float, float]]:
    """For each target: which strangers were let in, their classes, right, the oracle's right.

    The last two are not-a-number where no query of an enrolled class is left.

    Args:
        asked: the rows of the queries that are; None for all.
        second: the rows of queries that are their classes' second pictures, in the labels' order.
        given, unlabelled: so many strangers, and so many queries, are given to calibrate on.
    """
    made, everyone = pictures.embedded, pictures.kind.labels
    count = len(everyone)
    chosen = np.sort(np.random.default_rng([seed, classes]).permutation(count)[:classes])
    labels = [everyone[row] for row in chosen]
    numbers = np.full(count, -1)
    numbers[chosen] = np.argsort(np.argsort(labels))
    rows = np.arange(len(made.truth)) if asked is None else asked
    strangers = _strangers(made.truth, numbers, given, seed)
    rows = rows[~np.isin(made.truth[rows], made.truth[strangers])]
    seen = np.sort(np.random.default_rng([1, seed]).permutation(rows)[:unlabelled])
    rows = np.setdiff1d(rows, seen)
    truth, views = made.truth[rows], tuple(pictures.views[row] for row in rows.tolist())
    match = Match(made.queries[rows], numbers[truth], truth, False, views)
    more = made.queries[second[chosen]] if second is not None else made.queries[:0]
    photographs = _of(pictures.photographs, numbers, classes)
    enrolled = Enrolled.in_memory(
        np.concatenate([made.catalog[chosen], more]),
        labels + labels[: len(more)],
        pictures.space,
        target_fpir=TARGETS[0],
        photographs=None if given or unlabelled else photographs,
        local=pictures.local.of_rows(chosen),
    )
    calibrated = enrolled.snapshot
    if given or unlabelled:
        project = calibrated.projection.apply_queries
        calibration = calibrate(
            calibrated,
            generation=0,
            strangers=project(made.queries[strangers]),
            stranger_views=tuple(pictures.views[row] for row in strangers.tolist()),
            unlabelled=project(made.queries[seen]),
            unlabelled_views=tuple(pictures.views[row] for row in seen.tolist()),
            photographs=None if given else photographs,
        )
        calibrated = replace(calibrated, calibration=calibration)
    found = []
    for target in TARGETS:
        snapshot = replace(calibrated, target_fpir=target)
        trials = play(match, OwnRule(snapshot), target)
        known, strangers = trials.known, trials.strangers.scores
        first = known.ranks == 1
        needed = np.quantile(strangers, 1 - target, method="higher")
        found.append(
            (
                strangers >= 0,
                truth[numbers[truth] < 0],
                _share(first & (known.scores >= 0)),
                _share(first & (known.scores > needed)),
            )
        )
    return found


def _share(hits: BoolArray) -> float:
    return float(hits.mean()) if hits.size else np.nan


def _strangers(truth: IntArray, numbers: IntArray, given: int, seed: int) -> IntArray:
    """The rows of queries, one of each of so many classes that aren't enrolled."""
    drawn = np.random.default_rng(seed).permutation(np.flatnonzero(numbers[truth] < 0))
    _, first = np.unique(truth[drawn], return_index=True)
    return np.sort(drawn[np.sort(first)[:given]])


def _of(photographs: Photographs, numbers: IntArray, classes: int) -> Photographs:
    """Those of the enrolled classes, as many as a gallery of so many classes makes."""
    own = numbers[photographs.class_ids]
    each = min(OF_ONE, -(-MOST // min(classes, MOST)))
    place = np.arange(len(own)) % OF_ONE
    taken = np.unique(np.linspace(0, classes - 1, MOST).astype(np.int64))
    rows = np.flatnonzero((own >= 0) & (place < each) & np.isin(own, taken))
    views = photographs.views
    return Photographs(
        photographs.vectors[rows],
        own[rows],
        None if views is None else tuple(views[row] for row in rows.tolist()),
    )


def _interval(let_in: BoolArray, truth: IntArray) -> tuple[float, float]:
    classes, number = np.unique(truth, return_inverse=True)
    hits = np.bincount(number, let_in, classes.size)
    tries = np.bincount(number, minlength=classes.size)
    drawn = np.random.default_rng(0).integers(classes.size, size=(_RESAMPLES, classes.size))
    shares = hits[drawn].sum(1) / tries[drawn].sum(1)
    return float(np.quantile(shares, 0.025)), float(np.quantile(shares, 0.975))


def read(kind: Kind, extractor: FeatureExtractor, folder: Path) -> Pictures:
    """A kind's pictures and photographs of them, with all features, or those kept in the folder."""
    made = embedded(kind, extractor, folder)
    catalog = list(kind.catalog.values())
    asked = [path for _, path in kind.queries]
    name = folder / _digest("photographs", catalog, extractor.space.id)
    queries = folder / _digest("queries", asked, extractor.space.id)
    photographs = name.with_suffix(".npy")
    if not photographs.is_file():
        np.save(photographs, extractor.embedder.embed(_photographs(kind)))
    views = (extractor.prepare_query(path, local=True).view for path in asked)
    return Pictures(
        kind,
        made,
        WholeTable(enrolled_features(map(load_image, catalog), name.with_suffix(".catalog.npz"))),
        tuple(kept_views(views, queries.with_suffix(".asked.npz"))),
        Photographs(
            np.load(photographs, allow_pickle=False),
            np.repeat(np.arange(len(kind.labels)), OF_ONE),
            tuple(kept_views(_seen(kind, extractor), name.with_suffix(".photographs.npz"))),
        ),
        extractor.space,
    )


def _digest(what: str, pictures: Sequence[Path], space_id: str) -> str:
    digest = hashlib.sha256(f"{what} {space_id}".encode())
    for path in pictures:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _seen(kind: Kind, extractor: FeatureExtractor) -> Iterator[QueryView | None]:
    """The photographs' views for a closer look; their points say nothing about strangers."""
    for photograph in _photographs(kind):
        yield extractor.view_of(photograph, photograph.size, local=False)


def _photographs(kind: Kind) -> Iterator[Image.Image]:
    for path in kind.catalog.values():
        yield from photographs_of_one(load_image(path), OF_ONE)


def table(rows: Sequence[Verdict]) -> str:
    """One line a kind and size, in percent; then what it comes to."""
    width = max(len(row.kind) for row in rows)
    lines = [
        f"{'':{width}} {'classes':>8} {'target':>7} {'FPIR':>7}  {'95 % interval':>14}"
        f" {'right':>7} {'oracle':>7} {'ratio':>6}"
    ]
    lines += [
        f"{row.kind:{width}} {row.classes:8} {row.target:7.0%} {row.fpir:7.1%}  "
        f"{row.low:6.1%}–{row.high:6.1%} {row.right:7.1%} {row.oracle:7.1%} "
        f"{row.ratio:6.2f}  {row.verdict}"
        for row in rows
    ]
    for target in TARGETS:
        for size in SIZES:
            some = [r for r in rows if r.size == size and r.target == target and r.judged]
            if not some:
                continue
            far = sum(r.low > FAR * target for r in some)
            lines.append(
                f"target {target:.0%}, {'half of the' if size is None else size} classes: holds on "
                f"{sum(r.holds for r in some)} of {len(some)} kinds; above {FAR:g} times: {far}; "
                f"median ratio {np.median([r.ratio for r in some]):.2f}"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kinds", nargs="+", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--backbone", default=DEFAULT_BACKBONE)
    parser.add_argument("--splits", type=int, default=20)
    calibrating = parser.add_mutually_exclusive_group()
    calibrating.add_argument("--given", type=int, default=0, metavar="N", help="strangers given")
    calibrating.add_argument("--unlabelled", type=int, default=0, metavar="N", help="queries given")
    parser.add_argument("--twice", action="store_true", help="of one picture a class and of two")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    extractor = FeatureExtractor(Embedder(load_backbone(arguments.backbone)))
    folder = cache_folder(None) / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[Verdict] = []
    for path in arguments.kinds:
        pictures = read(Kind.read(path), extractor, folder)
        if arguments.twice:
            for count, right, fpir in of_one_and_two(pictures, arguments.splits, {}):
                print(f"{pictures.kind.name}, of {count}: {right:.1%} right, FPIR {fpir:.1%}")
            continue
        rows += verdicts(pictures, arguments.splits, {}, arguments.given, arguments.unlabelled)
        print(f"{pictures.kind.name}: done", flush=True)
    if rows:
        print(table(rows))
    if arguments.json:
        report = {
            "backbone": arguments.backbone,
            "splits": arguments.splits,
            "given": arguments.given,
            "unlabelled": arguments.unlabelled,
            "rows": [{**asdict(row), "judged": row.judged} for row in rows],
        }
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""What local features cost and give: time, memory, nomination, verdicts, outlines.

    python -m benchmarks located --kinds FOLDER ... [--distractors FOLDER] [--splits 20]

Kinds are folders as `python -m benchmarks recognition` takes them. For each split, a fixed seed
enrolls half of the classes; the others' queries are strangers. A gallery knows what it enrolled and
calibrates itself, defaults throughout, with local features and without. Features are found once and
kept in the user's cache folder, matches while a kind is measured, so that splits are cheap.

Strangers whose *brand* is enrolled are counted apart: a sibling with a common mark is what is
mistaken. Brands are listed below by name; a label that begins with none of them is its own brand.
Queries are looked at closely in either case, as `recognize` does.
With all classes enrolled there are no strangers, and one gallery.

With `--distractors`, the pictures of that folder are enrolled beside the first kind's, and it is
counted besides how often the right class is among the 20 that a query's points vote for.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from benchmarks.kinds import Kind, embedded
from benchmarks.local_evidence import enrolled_features, remembered
from benchmarks.measuring import (
    Target,
    alternating,
    core_seconds_of,
    percentiles,
    seconds_of,
    targets_table,
    write_results,
)
from benchmarks.verdicts import Pictures, read
from engine.backbones import DEFAULT_BACKBONE, load_backbone
from engine.bulk.folders import PICTURE_SUFFIXES
from engine.features import Embedder, FeatureExtractor
from engine.gallery import Snapshot, decide_queries
from engine.gallery.deciding.joint import WEIGHT, bonus_of
from engine.gallery.deciding.left_out import Photographs, calibrate_on_gallery
from engine.gallery.deciding.locating import SCENE_LONG_SIDE, SCENE_POINTS, places
from engine.gallery.snapshot.local import VOTERS, LocalTable
from engine.images import HeldPicture, load_image
from engine.local import (
    QUERY_LONG_SIDE,
    LocalQuery,
    QueryView,
    default_extractor,
    find,
)
from engine.local.sift import shrunk
from engine.local.views import QUERY_POINTS
from engine.projections import Projection, shipped_cohort, shipped_projection
from engine.settings import cache_folder
from engine.synthesis import synthesize
from engine.testing.pictures import seen
from engine.tuning.photographs import MOST, OF_ONE, photographs_of_one
from engine.types import Decision, FloatArray, IntArray, StoredLocalFeatures

TARGET = 0.05
TIMED = 20
OUTLINED = 60
SCENE, SCENES = (1600, 1200), 5
FIRST_OF_CROWD = 1_000_000


BRANDS = (
    "becks", "bira", "blue_moon", "bud", "busch", "coors", "corona", "crafty", "fat_tire",
    "harpoon", "heineken", "miller", "milwaukees_best", "modelo", "nashville", "new_belgium",
    "new_glar", "nola", "north_coast", "ore_dock", "padding_wood", "yuengling",
)  # fmt: skip
"""Breweries of which the labels hold several products, by how their labels begin."""


def brand(label: str) -> str:
    """What siblings share."""
    return next((name for name in BRANDS if label.startswith(name)), label)


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


@dataclass(frozen=True)
class Row:
    """What became of a kind's queries; shares of 1, means over the splits.

    Attributes:
        fpir_unlike: of strangers whose brand isn't enrolled.
        ambiguous: of the known queries.
    """

    kind: str
    local: bool
    classes: int
    top_1: float
    tpir: float
    fpir: float
    fpir_unlike: float
    ambiguous: float

    def told(self) -> str:
        figures = (self.top_1, self.tpir, self.fpir, self.fpir_unlike, self.ambiguous)
        return f"{self.kind:24}{'auto' if self.local else 'none':>6}{self.classes:9,}" + "".join(
            f"{'–':>9}" if np.isnan(value) else f"{value:9.1%}" for value in figures
        )


HEADINGS = f"{'kind':24}{'local':>6}{'classes':>9}" + "".join(
    f"{title:>9}" for title in ("top-1", "TPIR", "FPIR", "unlike", "ambig.")
)


def measured(
    pictures: Pictures, splits: int, *, local: bool, half: bool = True, crowd: Crowd | None = None
) -> Row:
    """Means over splits of what a fresh gallery's decisions come to.

    Args:
        half: enroll half of the classes; all of them give one gallery.
        crowd: pictures of other things that are enrolled, too.
    """
    everyone, rows = pictures.kind.labels, []
    views = pictures.views
    if not local:
        views = tuple(QueryView.without_points((1, 1), v.closer) for v in views if v.closer)
    for seed in range(splits if half else 1):
        drawn = np.random.default_rng(seed).permutation(len(everyone))
        chosen = np.sort(drawn[: len(drawn) // 2] if half else drawn)
        snapshot = gallery(pictures, chosen, local=local, crowd=crowd)
        queries = snapshot.projection.apply_queries(pictures.embedded.queries)
        decisions = decide_queries(snapshot, queries, [""] * len(queries), views=views)
        rows.append(_outcome(decisions, everyone, pictures.embedded.truth, set(chosen.tolist())))
    means = [float(np.mean(column)) for column in zip(*rows, strict=True)]
    return Row(pictures.kind.name, local, snapshot.classes, *means)


def _outcome(
    decisions: Sequence[Decision], labels: list[str], truth: IntArray, chosen: set[int]
) -> tuple[float, ...]:
    """The columns of a row, from what was decided about each query."""
    brands = {brand(labels[row]) for row in chosen}
    own = [labels[row] for row in truth.tolist()]
    known = np.array([row in chosen for row in truth.tolist()])
    unlike = ~known & np.array([brand(label) not in brands for label in own])
    first = np.array([d.candidates[0].label == o for d, o in zip(decisions, own, strict=True)])
    right = np.array([d.label == o for d, o in zip(decisions, own, strict=True)])
    given = np.array([d.known for d in decisions])
    ambiguous = np.array([d.ambiguous for d in decisions])
    shares = (
        (first, known), (right, known), (given, ~known), (given, unlike), (ambiguous, known),
    )  # fmt: skip
    return tuple(float(of[some].mean()) if some.any() else np.nan for of, some in shares)


def gallery(
    pictures: Pictures, chosen: IntArray, *, local: bool, crowd: Crowd | None = None
) -> Snapshot:
    """What a fresh gallery of some of the classes decides by, and of a crowd's if there is one.

    Its classes are numbered from 1 in the order of `chosen`.
    """
    space, ids = pictures.space, np.arange(1, chosen.size + 1)
    vectors, table = pictures.embedded.catalog[chosen], pictures.local.of_rows(chosen)
    labels = {i: pictures.kind.labels[row] for i, row in enumerate(chosen.tolist(), 1)}
    photographs = _photographs_among(pictures.photographs, chosen)
    if crowd is not None:
        table = crowd.table.updated({i: _stored(table, i) for i in labels}, ())
        ids = np.concatenate([ids, crowd.ids])
        vectors = np.concatenate([vectors, crowd.vectors])
        labels |= {number: f"other {number}" for number in crowd.ids.tolist()}
        photographs = crowd.photographs
    snapshot = Snapshot.in_memory(
        space=space,
        projection=shipped_projection(space) or Projection.identity(space.dimension),
        example_ids=ids,
        class_ids=ids,
        embeddings=vectors,
        labels=labels,
        shipped=shipped_cohort(space),
        target_fpir=TARGET,
    )
    if local:
        snapshot = replace(snapshot, local=table)
    return replace(snapshot, calibration=calibrate_on_gallery(snapshot, photographs=photographs))


def _photographs_among(photographs: Photographs, chosen: IntArray) -> Photographs:
    """Those that a gallery of some classes makes, of `OF_ONE` of every class."""
    each = min(OF_ONE, -(-MOST // min(chosen.size, MOST)))
    taken = np.unique(np.linspace(0, chosen.size - 1, MOST).astype(np.int64))
    rows = (chosen[taken][:, None] * OF_ONE + np.arange(each)).ravel()
    assert photographs.views is not None
    views = tuple(photographs.views[row] for row in rows.tolist())
    return Photographs(photographs.vectors[rows], np.repeat(taken + 1, each), views)


def _stored(table: LocalTable, example_id: int) -> StoredLocalFeatures:
    found = table.features(example_id)
    assert found is not None
    return StoredLocalFeatures(default_extractor().name, found.to_bytes())


@dataclass(frozen=True)
class Crowd:
    """Pictures of other things, enrolled beside a kind's, with ids of their own.

    Attributes:
        table: their local features, indexed.
        photographs: of a sample of them.
    """

    ids: IntArray
    vectors: FloatArray
    table: LocalTable
    photographs: Photographs

    def first(self, count: int) -> Crowd:
        """So many of them."""
        ids, photographs = self.ids[:count], self.photographs
        assert photographs.views is not None
        shown = np.flatnonzero(np.isin(photographs.class_ids, ids)).tolist()
        return Crowd(
            ids,
            self.vectors[:count],
            LocalTable.of({number: _stored(self.table, number) for number in ids.tolist()}),
            Photographs(
                photographs.vectors[shown],
                photographs.class_ids[shown],
                tuple(photographs.views[row] for row in shown),
            ),
        )

    @classmethod
    def read(cls, folder: Path, extractor: FeatureExtractor, kept: Path) -> Crowd:
        """A folder's pictures looked at, or read from where that was kept."""
        paths = crowd_paths(folder)
        kind = Kind(folder.name, {str(path): path for path in paths}, [])
        vectors = embedded(kind, extractor, kept).catalog
        listed = hashlib.sha256("".join(path.name for path in paths).encode()).hexdigest()[:32]
        stored = enrolled_features(map(load_image, paths), kept / f"{listed}.crowd.npz")
        ids = np.arange(FIRST_OF_CROWD, FIRST_OF_CROWD + len(paths))
        some = np.unique(np.linspace(0, len(paths) - 1, MOST).astype(np.int64))
        taken = [next(photographs_of_one(load_image(paths[row]), 1)) for row in some]
        views = (extractor.view_of(each, each.size, local=False) for each in taken)
        return cls(
            ids,
            vectors,
            LocalTable.of(dict(zip(ids.tolist(), stored, strict=True))),
            Photographs(
                extractor.embedder.embed(taken), ids[some], tuple(v for v in views if v is not None)
            ),
        )


def crowd_paths(folder: Path) -> list[Path]:
    """A crowd's pictures, in the order of their ids."""
    return [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in PICTURE_SUFFIXES]


def nomination(pictures: Pictures, crowd: Crowd) -> tuple[dict[str, Any], Target]:
    """Recall at 20 among many others, and what the index takes."""
    built = seconds_of(crowd.table.votes)
    whole = pictures.local.of_rows(np.arange(len(pictures.kind.labels)))
    stored = {row + 1: _stored(whole, row + 1) for row in range(len(whole))}
    votes = crowd.table.updated(stored, ()).votes()
    queries = [view.query().features.descriptors[:VOTERS] for view in pictures.views]
    hits = [
        row + 1 in votes.vote(query, 20)[0]
        for query, row in zip(queries, pictures.embedded.truth.tolist(), strict=True)
    ]
    paths = [path for _, path in pictures.kind.queries]
    timed = alternating(
        {
            "extraction": lambda n: _query(paths[n % len(paths)]),
            "votes": lambda n: votes.vote(queries[n % len(queries)], 8),
        },
        TIMED,
    )
    figures = {
        "pictures": len(crowd.ids) + len(stored),
        "descriptors": votes.descriptors,
        "seconds_to_build": built,
        "milliseconds": {name: percentiles(taken) for name, taken in timed.items()},
    }
    return figures, Target("nomination: recall at 20", float(np.mean(hits)), 0.98)


def outlines(pictures: Pictures) -> list[Target]:
    """How outlines of synthetic photographs that were found overlap the truth."""
    shared, table = [], pictures.local.of_rows(np.arange(len(pictures.kind.labels)))
    for number, path in enumerate(list(pictures.kind.catalog.values())[:OUTLINED]):
        coded = table.features(number + 1)
        assert coded is not None
        photograph = synthesize(np.asarray(load_image(path).pixels), number, size=640)
        view = QueryView(HeldPicture(Image.fromarray(photograph.pixels)), (640, 640))
        match = find(view.query(), coded)
        if match is not None and bonus_of(match, len(table)) >= WEIGHT / 2:
            shared.append(_overlap(match.corners, photograph.corners, 640))
    return [
        Target(
            "outlines of synthetic photographs found: mean overlap", float(np.mean(shared)), 0.8
        ),
        Target("… of which overlap by 0.8", float(np.mean(np.array(shared) >= 0.8)), 0.9),
    ]


def four_at_once(pictures: Pictures) -> Target:
    """How many of four prints in one made-up picture are found; the least over several pictures."""
    snapshot = gallery(pictures, np.arange(len(pictures.kind.labels)), local=True)
    paths, found = list(pictures.kind.catalog.values()), []
    for seed in range(SCENES):
        random = np.random.default_rng(seed)
        four = random.permutation(len(paths))[:4].tolist()
        scene = Image.new("RGB", SCENE, tuple(random.integers(40, 200, 3).tolist()))
        for place, row in enumerate(four):
            middle = np.array(SCENE) * [0.25 + 0.5 * (place % 2), 0.25 + 0.5 * (place // 2)]
            picture = load_image(paths[row]).pixels
            scene = seen(picture, _turned(picture.size, middle, random), SCENE, scene)
        features = default_extractor().extract(
            scene, long_side=SCENE_LONG_SIDE, points=SCENE_POINTS, size=SCENE
        )
        classes = {
            class_id for place in places(snapshot, LocalQuery(features)) for class_id in place.found
        }
        found.append(len(classes & {row + 1 for row in four}))
    return Target("four prints in one picture: found, at least", min(found), 4)


def _turned(size: tuple[int, int], middle: FloatArray, random: np.random.Generator) -> FloatArray:
    """Corners `(4, 2)` of a picture, small, turned and a little askew."""
    half = np.array(size) * random.uniform(0.1, 0.14) * SCENE[0] / max(size)
    angle = random.uniform(-0.5, 0.5)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    frame = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    corners: FloatArray = frame @ turn + middle + random.uniform(-15, 15, (4, 2))
    return corners


def _query(path: Path) -> LocalQuery:
    loaded = load_image(path)
    return QueryView(HeldPicture(loaded.pixels), (loaded.width, loaded.height)).query()


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
    extractor = FeatureExtractor(Embedder(load_backbone(DEFAULT_BACKBONE)))
    folder = cache_folder(None) / "benchmarks"
    kinds = [read(Kind.read(path), extractor, folder) for path in asked.kinds]
    results: dict[str, Any] = {"verdicts": []}
    print(HEADINGS, flush=True)

    def told(row: Row) -> None:
        results["verdicts"].append(asdict(row))
        print(row.told(), flush=True)

    for pictures in kinds:
        with remembered({}):
            told(measured(pictures, asked.splits, local=False))
            told(measured(pictures, asked.splits, local=True))
            told(measured(pictures, 1, local=True, half=False))
    targets = [extraction(kinds[0].kind), *outlines(kinds[0]), four_at_once(kinds[0])]
    if asked.distractors is not None:
        crowd = Crowd.read(asked.distractors, extractor, folder)
        results["nomination"], recall = nomination(kinds[0], crowd)
        targets.append(recall)
        with remembered({}):
            told(measured(kinds[0], asked.splits, local=True, crowd=crowd))
    print(targets_table(targets))
    print(write_results("located", results, targets))


if __name__ == "__main__":
    main()

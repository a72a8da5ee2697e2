"""How well things of many kinds are recognised, and strangers refused: one table over kinds.

    python -m benchmarks recognition --kinds FOLDER ... [--all-enrolled NAME ...] [--splits 20]

A kind is a folder with one picture a class in `catalog/LABEL.jpg` and others of the same things in
`queries/LABEL/`. For each split, a fixed seed makes half of the classes strangers: their catalog
pictures aren't enrolled, their queries should be called unknown. Kinds named by `--all-enrolled`
have no strangers and one split. Nothing is fitted to the queries.

Rows of a kind: the ImageNet network's raw cosine with one threshold, which is what others do; the
network's raw cosine with one; a fresh gallery of it, whose thresholds are its classes' own. With
`--recognizer N`, galleries of N splits are written and asked by `Recognizer`, defaults throughout,
so that everything which decides takes part. *Right*, *wrong* and *FPIR* are the decisions' at the
target of 5 %: shares of the known queries given their label or another's, and of the strangers
given any.

Embeddings are kept by the pictures' content and the embedding space, in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from engine.backbones import load_backbone
from engine.bulk.folders import PICTURE_SUFFIXES
from engine.features import Embedder, FeatureExtractor
from engine.metrics import open_set
from engine.metrics.closed_set import top_k
from engine.playing.enrolled import Enrolled
from engine.playing.play import Match, play
from engine.playing.scorers import GlobalThreshold, OwnRule, Scorer
from engine.projections import Projection
from engine.recognizer import Recognizer
from engine.settings import cache_folder
from engine.types import Decision, FloatArray, IntArray, Space

IMAGENET = "efficientnet-lite0"
TARGET = 0.05
AT_A_TIME = 256
"""Pictures decoded before they are embedded."""


@dataclass(frozen=True)
class Kind:
    """Pictures of one kind of thing.

    Attributes:
        catalog: one picture of each label.
        queries: pictures, and the labels of what they show.
        all_enrolled: whether no class is a stranger.
    """

    name: str
    catalog: dict[str, Path]
    queries: list[tuple[str, Path]]
    all_enrolled: bool = False

    @classmethod
    def read(cls, folder: Path, *, all_enrolled: bool = False) -> Kind:
        """A folder with `catalog/` and `queries/`; queries without a catalog picture are left out.

        Labels whose catalog pictures are the very same file are one, the first of them: nothing
        could tell them apart, and a stranger to one would show what the other enrolled.

        Exits with a message where there are fewer than four classes.
        """
        paths = _pictures(folder / "catalog")
        first: dict[bytes, Path] = {}
        same = {p: first.setdefault(hashlib.sha256(p.read_bytes()).digest(), p) for p in paths}
        catalog = {path.stem: path for path in first.values()}
        queries = [
            (same[catalogued].stem, path)
            for catalogued in paths
            for path in _pictures(folder / "queries" / catalogued.stem)
        ]
        if len(catalog) < 4 or not queries:
            raise SystemExit(
                f"{folder}: expected catalog/LABEL.jpg of at least 4 classes and "
                f"queries/LABEL/*.jpg, but got {len(catalog)} classes and {len(queries)} queries"
            )
        return cls(folder.name, catalog, queries, all_enrolled)

    @classmethod
    def of_pairs(cls, name: str, first: dict[str, Path], second: dict[str, Path]) -> Kind:
        """Two folders' pictures of equal stems: the first are enrolled, the second asked."""
        labels = sorted(first.keys() & second.keys())
        return cls(
            name,
            {label: first[label] for label in labels},
            [(label, second[label]) for label in labels],
        )

    @property
    def labels(self) -> list[str]:
        return list(self.catalog)


@dataclass(frozen=True)
class Embedded:
    """A kind's pictures in one space: `(n, dim)` and `(m, dim) float32`, unit rows.

    Attributes:
        truth: `(m,) int64`: the row in the catalog of what a query shows.
    """

    catalog: FloatArray
    queries: FloatArray
    truth: IntArray


@dataclass(frozen=True)
class Figures:
    """One comparison on one split; shares of 1, NaN where there were no strangers."""

    top_1: float
    auroc: float
    tpir_at_1: float
    tpir_at_5: float
    right: float
    wrong: float
    fpir: float


@dataclass
class Row:
    """One comparison of one kind, split by split."""

    kind: str
    name: str
    splits: list[Figures] = field(default_factory=list)

    @property
    def mean(self) -> Figures:
        columns = zip(*(asdict(split).values() for split in self.splits), strict=True)
        return Figures(*(float(np.mean(column)) for column in columns))


def measured(
    kinds: Sequence[Kind], backbone: str, *, splits: int, asked: int, cache: Path | None = None
) -> list[Row]:
    """Every kind's rows.

    Args:
        splits: how many, with seeds from 0.
        asked: of how many of them galleries are written and asked by `Recognizer`.
        cache: where embeddings are kept; None takes the user's cache folder.
    """
    names = list(dict.fromkeys([IMAGENET, backbone]))
    extractors = {name: FeatureExtractor(Embedder(load_backbone(name))) for name in names}
    folder = cache_folder(cache) / "benchmarks"
    rows = []
    for kind in kinds:
        rows += [
            _row(
                kind,
                name,
                embedded(kind, extractors[name], folder),
                extractors[name].space,
                splits,
            )
            for name in names
        ]
        own = extractors[backbone]
        rows.append(_fresh(kind, embedded(kind, own, folder), own.space, splits))
        if asked:
            rows.append(_asked(kind, backbone, asked))
    return rows


def enrolled_rows(kind: Kind, seed: int) -> IntArray:
    """`(k,) int64`: the catalog's rows that a split enrolls, ascending."""
    count = len(kind.catalog)
    if kind.all_enrolled:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).permutation(count)[: count // 2])


def table(rows: Sequence[Row]) -> str:
    """Means over the splits, in percent."""
    width = max(len(row.kind) for row in rows)
    lines = [
        f"{'':{width}}  {'':28}{'':7}{'':7}{'TPIR at FPIR':>14}{'decisions at 5 %':>25}",
        f"{'':{width}}  {'':28}{'top-1':>7}{'AUROC':>7}{'1 %':>7}{'5 %':>7}"
        f"{'right':>9}{'wrong':>8}{'FPIR':>8}",
    ]
    shown = None
    for row in rows:
        mean = row.mean
        name = row.kind if row.kind != shown else ""
        shown = row.kind
        lines.append(
            f"{name:{width}}  {row.name:28}{_percent(mean.top_1, 7)}{_ratio(mean.auroc)}"
            f"{_percent(mean.tpir_at_1, 7)}{_percent(mean.tpir_at_5, 7)}"
            f"{_percent(mean.right, 9)}{_percent(mean.wrong, 8)}{_percent(mean.fpir, 8)}"
        )
    return "\n".join(lines)


def write_json(rows: Sequence[Row], kinds: Sequence[Kind], backbone: str, path: Path) -> None:
    """Every split's figures, and their means; NaN is null."""
    report = {
        "backbone": backbone,
        "target_fpir": TARGET,
        "kinds": {
            kind.name: {"classes": len(kind.catalog), "queries": len(kind.queries)}
            for kind in kinds
        },
        "rows": [
            {
                "kind": row.kind,
                "name": row.name,
                "mean": _plain(row.mean),
                "splits": [_plain(split) for split in row.splits],
            }
            for row in rows
        ],
    }
    path.write_text(json.dumps(report, indent=2) + "\n")


def _row(kind: Kind, backbone: str, embedded: Embedded, space: Space, splits: int) -> Row:
    row = Row(kind.name, f"{backbone}, raw cosine")
    for enrolled, match in _splits(kind, embedded, space, splits):
        raw = enrolled.snapshot_in(Projection.identity(space.dimension))
        row.splits.append(_figures(GlobalThreshold(raw), match))
    return row


def _fresh(kind: Kind, embedded: Embedded, space: Space, splits: int) -> Row:
    row = Row(kind.name, "a fresh gallery of it")
    for enrolled, match in _splits(kind, embedded, space, splits):
        row.splits.append(_figures(OwnRule(enrolled.snapshot), match))
    return row


def _splits(
    kind: Kind, embedded: Embedded, space: Space, splits: int
) -> Iterator[tuple[Enrolled, Match]]:
    labels = kind.labels
    for seed in range(1 if kind.all_enrolled else splits):
        chosen = enrolled_rows(kind, seed)
        enrolled = Enrolled.in_memory(
            embedded.catalog[chosen], [labels[row] for row in chosen], space, target_fpir=TARGET
        )
        classes = np.full(len(labels), -1)
        classes[chosen] = enrolled.class_ids
        truth = embedded.truth
        yield enrolled, Match(embedded.queries, classes[truth], truth, left_out=False)


def _figures(scorer: Scorer, match: Match) -> Figures:
    trials = play(match, scorer, TARGET)
    known, strangers = trials.known, trials.strangers.scores
    return _shares(known.ranks == 1, known.scores, known.scores >= 0, strangers, strangers >= 0)


def _shares(
    first: np.ndarray,
    scores: np.ndarray,
    accepted: np.ndarray,
    strangers: np.ndarray,
    let_in: np.ndarray,
) -> Figures:
    """Figures from what became of every query.

    Args:
        first: whether a known query's own class was ranked first.
        scores, accepted: the known queries' scores, and whether they were given a label.
        strangers, let_in: the strangers' scores, and whether they were given one.
    """
    nan = float("nan")
    tpirs = [
        1 - open_set.fnir_at_fpir(scores, first, strangers, f) if strangers.size else nan
        for f in (0.01, 0.05)
    ]
    return Figures(
        top_1=top_k(np.where(first, 1, 0), 1),
        auroc=open_set.auroc(scores, strangers) if strangers.size else nan,
        tpir_at_1=tpirs[0],
        tpir_at_5=tpirs[1],
        right=float(np.mean(accepted & first)),
        wrong=float(np.mean(accepted & ~first)),
        fpir=float(np.mean(let_in)) if strangers.size else nan,
    )


def _asked(kind: Kind, backbone: str, splits: int) -> Row:
    """Galleries as a user has them: written, opened with the defaults, asked picture by picture."""
    row = Row(kind.name, "as `recognize` decides")
    for seed in range(1 if kind.all_enrolled else splits):
        chosen = {kind.labels[number] for number in enrolled_rows(kind, seed)}
        with (
            tempfile.TemporaryDirectory(prefix="onelook-kinds-") as folder,
            Recognizer.open(Path(folder) / "g", create=True, backbone=backbone) as recognizer,
        ):
            recognizer.enroll_catalog([(label, str(kind.catalog[label])) for label in chosen])
            decisions = list(recognizer.recognize_many([str(path) for _, path in kind.queries]))
        truths = [label for label, _ in kind.queries]
        row.splits.append(_decided(decisions, truths, chosen))
    return row


def _decided(decisions: Sequence[Decision], truths: Sequence[str], chosen: set[str]) -> Figures:
    known = np.array([truth in chosen for truth in truths])
    first = np.array(
        [
            bool(decision.candidates) and decision.candidates[0].label == truth
            for decision, truth in zip(decisions, truths, strict=True)
        ]
    )
    accepted = np.array([decision.known for decision in decisions])
    excess = np.array([(d.score or 0.0) - (d.threshold or 0.0) for d in decisions])
    return _shares(first[known], excess[known], accepted[known], excess[~known], accepted[~known])


def embedded(kind: Kind, extractor: FeatureExtractor, folder: Path) -> Embedded:
    """The kind's pictures embedded, or read from where they were kept."""
    paths = [*kind.catalog.values(), *(path for _, path in kind.queries)]
    digest = hashlib.sha256(extractor.space.id.encode())
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    kept = folder / f"{digest.hexdigest()[:32]}.npy"
    if kept.is_file():
        vectors: FloatArray = np.load(kept, allow_pickle=False)
    else:
        starts = range(0, len(paths), AT_A_TIME)
        vectors = np.concatenate([extractor.embed(paths[s : s + AT_A_TIME]) for s in starts])
        folder.mkdir(parents=True, exist_ok=True)
        np.save(kept, vectors)
    row = {label: number for number, label in enumerate(kind.catalog)}
    truth = np.array([row[label] for label, _ in kind.queries], np.int64)
    return Embedded(vectors[: len(row)], vectors[len(row) :], truth)


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if path.suffix.lower() in PICTURE_SUFFIXES]


def _percent(share: float, width: int) -> str:
    return f"{'–':>{width}}" if np.isnan(share) else f"{share:{width}.1%}"


def _ratio(value: float) -> str:
    return f"{'–':>7}" if np.isnan(value) else f"{value:7.3f}"


def _plain(figures: Figures) -> dict[str, float | None]:
    return {name: None if np.isnan(v) else round(v, 6) for name, v in asdict(figures).items()}

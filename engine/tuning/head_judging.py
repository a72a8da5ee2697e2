"""Whether a Siamese head beats cosine on classes that it wasn't trained on.

The classes are dealt into folds. For each, a head is trained on the others; then the fold's classes
play one-shot: the first picture of each is its example, the others are asked. Two things are
measured, as `verify` and `recognize` would do them: telling genuine pairs from impostors, and which
class is ranked first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..decision.scores import Float64Array
from ..decision.siamese import SiameseHead
from ..decision.trained_head import TARGET_FAR
from ..gallery.snapshot.reranking import RERANKED, order_by_both
from ..metrics.bootstrap import resamples
from ..metrics.figures import Figure
from ..metrics.open_set import auroc
from ..metrics.verification import equal_error_rate
from ..types import BoolArray, FloatArray, IntArray
from .head_evidence import HeadEvidence

FOLDS = 3
LEAST_CLASSES = 6
QUERIES = 10
"""At most so many pictures of a class are asked."""

IMPOSTORS = 10
"""Impostor pairs for each query."""

_SEED = 11

Train = Callable[[FloatArray, IntArray], SiameseHead]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What came of the queries; `(n,)` each, impostors `(n, IMPOSTORS)`.

    Attributes:
        classes: theirs.
        right_by_cosine, right_by_head: whether the own class was ranked first, by similarity and
            as re-ranked.
        genuine, impostors: similarities to the own example and to others.
        genuine_head, impostors_head: the head's probabilities of the same pairs.
    """

    classes: IntArray
    right_by_cosine: BoolArray
    right_by_head: BoolArray
    genuine: Float64Array
    impostors: Float64Array
    genuine_head: Float64Array
    impostors_head: Float64Array


@dataclass(frozen=True, slots=True)
class Versus:
    """One figure of both, and by how much the head is better; shares of 1."""

    cosine: Figure
    head: Figure
    gain: Figure

    def to_json(self) -> dict[str, Any]:
        return {
            "cosine": self.cosine.to_json(),
            "head": self.head.to_json(),
            "gain": self.gain.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Judgement:
    """Cosine and head side by side on held-out classes.

    Attributes:
        real: on real pictures, not on views made of one.
        classes, queries: how many were asked.
        figures: `auroc`, `eer` and `top_1`.
        least_probability: what `TARGET_FAR` of the impostor pairs reach.
    """

    real: bool
    classes: int
    queries: int
    figures: dict[str, Versus]
    least_probability: float

    @property
    def better(self) -> bool:
        """Better beyond chance in verification or in ranking, and worse in neither."""
        gains = [self.figures[name].gain for name in ("auroc", "top_1")]
        return all((gain.value or 0.0) >= 0 for gain in gains) and any(
            gain.low is not None and gain.low > 0 for gain in gains
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "real": self.real,
            "classes": self.classes,
            "queries": self.queries,
            "better": self.better,
            "figures": {name: versus.to_json() for name, versus in self.figures.items()},
        }


def judge(evidence: HeadEvidence, train: Train) -> Judgement:
    """Compare heads with cosine, each fold's head on classes it has not seen.

    Where fewer than `LEAST_CLASSES` classes have two real pictures, all rows are played and the
    judgement says that it isn't on real pictures.

    Args:
        train: makes a head of `(n, dim)` unit rows and their `(n,)` classes.

    Raises:
        TrainingError: what `train` raises.
    """
    played = evidence.of_real()
    real = played.class_count >= LEAST_CLASSES
    if not real:
        played = evidence
    asked = [
        _play(played, held_out, train(*_without(evidence, held_out)))
        for held_out in _folds(np.unique(played.classes))
    ]
    together = Asked(
        *(
            np.concatenate([getattr(part, name) for part in asked])
            for name in Asked.__dataclass_fields__
        )
    )
    return Judgement(
        real=real,
        classes=int(np.unique(together.classes).size),
        queries=together.classes.size,
        figures=_figures(together),
        least_probability=float(np.quantile(together.impostors_head, 1.0 - TARGET_FAR)),
    )


def _folds(classes: IntArray) -> list[IntArray]:
    return np.array_split(np.random.default_rng(_SEED).permutation(classes), FOLDS)


def _without(evidence: HeadEvidence, held_out: IntArray) -> tuple[FloatArray, IntArray]:
    kept = ~np.isin(evidence.classes, held_out)
    return evidence.vectors[kept], evidence.classes[kept]


def _play(evidence: HeadEvidence, held_out: IntArray, head: SiameseHead) -> Asked:
    random = np.random.default_rng(_SEED)
    examples, queries, own = [], [], []
    for place, class_id in enumerate(np.sort(held_out)):
        rows = np.flatnonzero(evidence.classes == class_id)
        examples.append(rows[0])
        chosen = rows[1 : 1 + QUERIES]
        queries.append(chosen)
        own.append(np.full(chosen.size, place))
    catalog = evidence.vectors[np.array(examples)]
    asked, own_place = evidence.vectors[np.concatenate(queries)], np.concatenate(own)
    similarities = asked @ catalog.T
    others = _others(random, own_place, len(catalog))
    rows = np.arange(len(asked))
    ranked = np.argsort(-similarities, axis=1, kind="stable")
    return Asked(
        classes=np.sort(held_out)[own_place],
        right_by_cosine=ranked[:, 0] == own_place,
        right_by_head=np.array(
            [
                _first(head, query, catalog, row, found[:RERANKED]) == place
                for query, row, found, place in zip(
                    asked, similarities, ranked, own_place, strict=True
                )
            ]
        ),
        genuine=similarities[rows, own_place].astype(np.float64),
        impostors=similarities[rows[:, None], others].astype(np.float64),
        genuine_head=head.probability(asked, catalog[own_place]),
        impostors_head=np.stack([head.probability(asked, catalog[o]) for o in others.T], axis=1),
    )


def _first(
    head: SiameseHead, query: FloatArray, catalog: FloatArray, row: FloatArray, nearest: IntArray
) -> int:
    order = order_by_both(row[nearest], head.logits(query, catalog[nearest]))
    return int(nearest[order[0]])


def _others(random: np.random.Generator, own: IntArray, count: int) -> IntArray:
    """`(n, IMPOSTORS)`: examples of other classes, drawn evenly."""
    drawn = random.integers(count - 1, size=(own.size, IMPOSTORS))
    others: IntArray = drawn + (drawn >= own[:, None])
    return others


def _figures(asked: Asked) -> dict[str, Versus]:
    def on_pairs(
        formula: Callable[[Float64Array, Float64Array], float], genuine: str, impostors: str
    ) -> Callable[[IntArray], float]:
        ours, theirs = getattr(asked, genuine), getattr(asked, impostors)
        return lambda rows: formula(ours[rows], theirs[rows].ravel())

    def share(right: BoolArray) -> Callable[[IntArray], float]:
        return lambda rows: float(np.mean(right[rows]))

    cosine, head = ("genuine", "impostors"), ("genuine_head", "impostors_head")
    return {
        "auroc": _versus(asked, on_pairs(auroc, *cosine), on_pairs(auroc, *head), 1),
        "eer": _versus(
            asked, on_pairs(equal_error_rate, *cosine), on_pairs(equal_error_rate, *head), -1
        ),
        "top_1": _versus(asked, share(asked.right_by_cosine), share(asked.right_by_head), 1),
    }


def _versus(
    asked: Asked,
    cosine: Callable[[IntArray], float],
    head: Callable[[IntArray], float],
    sign: int,
) -> Versus:
    """Both figures and the head's gain; all are resampled together, by class."""
    everyone = np.arange(asked.classes.size)
    none = np.empty(0, np.int64)
    drawn = [everyone, *(rows for rows, _ in resamples(asked.classes, none, paired=False))]
    values = np.array([(cosine(rows), head(rows)) for rows in drawn])
    gains = sign * (values[:, 1] - values[:, 0])
    return Versus(_figure(values[:, 0]), _figure(values[:, 1]), _figure(gains))


def _figure(values: Float64Array) -> Figure:
    low, high = np.quantile(values[1:], [0.025, 0.975]).tolist()
    return Figure(float(values[0]), low, high)

"""What a gallery alone says about strangers: each class in turn is left out and played as one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from engine.decision import NEIGHBOURS, Calibration
from engine.decision.scores import Float64Array
from engine.gallery.deciding.decisions import stranger_scores
from engine.gallery.deciding.drawn import drawn_scores
from engine.gallery.deciding.joint import joined
from engine.gallery.snapshot import Snapshot
from engine.local import LocalQuery, QueryView
from engine.types import FloatArray, IntArray, Ranking

PLAYED = 1000
"""At most this many classes are played; more would tighten the estimate little and cost time."""

SOUGHT = 100
"""Of so many of them the local features are sought in the others' pictures."""

LEAST_PLAYED = 50
"""With fewer classes to play, shipped pictures make up the number."""


def calibrate_on_gallery(snapshot: Snapshot, *, generation: int = 0) -> Calibration:
    """The calibration that needs no more than the gallery.

    A bounded sample of the cohort is played: enrolled examples with their own class left out, and,
    up to `LEAST_PLAYED` where the gallery is small, shipped pictures. Those are strangers to it
    anyway, but of other kinds, hence easier to tell; so no more of them than needed.

    Both the scores seen and those with the best similarity drawn estimate what strangers reach. The
    first are too high where the catalog is full of near-duplicates, the second where similarities
    have lighter tails than exponential ones; the lower is taken.
    """
    cohort = snapshot.cohort
    if not len(cohort) or not snapshot.classes:
        return Calibration.empty()
    enrolled = len(cohort) - len(cohort.shipped)
    played = np.unique(np.linspace(0, enrolled - 1, PLAYED).astype(np.int64))
    missing = min(max(0, LEAST_PLAYED - played.size), len(cohort.shipped))
    played = np.concatenate([played, np.arange(enrolled, enrolled + missing)])
    vectors, own = cohort.vectors[played], cohort.class_ids[played]
    rankings = rank_without_own(snapshot, vectors, own)
    seen = stranger_scores(snapshot, vectors, rankings) + _bonuses(snapshot, played, rankings)
    drawn = drawn_scores(snapshot, vectors, rankings)
    scores = min((seen, drawn), key=partial(_level, target=snapshot.target_fpir))
    shipped = int((own < 0).sum())
    evidence = {"left-out classes": played.size - shipped, "shipped pictures": shipped}
    evidence = {kind: count for kind, count in evidence.items() if count}
    return Calibration.of_strangers(
        scores,
        method=" and ".join(evidence),
        classes=snapshot.classes,
        strangers=played.size,
        generation=generation,
        automatic=True,
        evidence=evidence,
    )


def _bonuses(snapshot: Snapshot, played: IntArray, rankings: list[Ranking]) -> Float64Array:
    """`(n,)`: what local features add to the scores of strangers like these examples.

    Seeking one picture in another takes a while, so it is done for an even share of the examples
    only, and the others are taken to fare like those.
    """
    rows = np.array([row for row, ranking in enumerate(rankings) if len(ranking)], np.int64)
    if not len(snapshot.local) or not rows.size:
        return np.zeros(rows.size)
    some = rows[np.unique(np.linspace(0, rows.size - 1, SOUGHT).astype(np.int64))]
    ids = snapshot.cohort.example_ids[played]
    features = [snapshot.local.features(example_id) for example_id in ids[some].tolist()]
    views = [
        None if found is None else QueryView.of(LocalQuery.of_enrolled(found)) for found in features
    ]
    cohort, sought = snapshot.cohort, played[some]
    others = rank_without_own(snapshot, cohort.vectors[sought], cohort.class_ids[sought], views)
    return np.resize([ranking.bonus for ranking in others], rows.size)


def _level(scores: Float64Array, target: float) -> float:
    """What these stranger scores ask for; nothing asks for nothing."""
    if not scores.size:
        return np.inf
    known = Calibration.of_strangers(scores, method="", classes=1, generation=0)
    return known.level(target, 1)


def rank_without_own(
    snapshot: Snapshot,
    vectors: FloatArray,
    own: IntArray,
    views: Sequence[QueryView | None] | None = None,
) -> list[Ranking]:
    """The first `NEIGHBOURS + 1` classes of each query, its own left out of the ranking.

    Args:
        vectors: `(m, dim) float32`, unit rows of the searched space.
        own: `(m,) int64`: ids of the classes to leave out.
        views: theirs, where local features are to count.
    """
    rankings = snapshot.rank(vectors, NEIGHBOURS + 2)
    others = [
        Ranking(ranking.class_ids[kept], ranking.example_ids[kept], ranking.similarities[kept])
        for ranking, kept in (
            (ranking, ranking.class_ids != class_id)
            for ranking, class_id in zip(rankings, own, strict=True)
        )
    ]
    reranked = snapshot.reranked(vectors, others)
    if views is None:
        return reranked
    return joined(snapshot, vectors, reranked, views, own.tolist())

"""What a gallery alone says about strangers: each class in turn is left out and played as one."""

from __future__ import annotations

import numpy as np

from engine.decision import NEIGHBOURS, Calibration
from engine.gallery.deciding import stranger_scores
from engine.gallery.drawn import drawn_scores
from engine.gallery.matcher import Matcher
from engine.types import FloatArray, IntArray, Ranking

PLAYED = 1000
"""At most this many classes are played; more would tighten the estimate little and cost time."""

LEAST_PLAYED = 50
"""With fewer classes to play, shipped pictures make up the number."""


def calibrate_on_gallery(
    matcher: Matcher, *, generation: int = 0, automatic: bool = True
) -> Calibration:
    """The calibration that needs no more than the gallery.

    A bounded sample of the cohort is played: enrolled examples with their own class left out, and,
    up to `LEAST_PLAYED` where the gallery is small, shipped pictures. Those are strangers to it
    anyway, but of other kinds, hence easier to tell; so no more of them than needed. The best
    similarity of each is drawn, so that a catalog's near-duplicates don't set everyone's threshold.
    """
    cohort = matcher.cohort()
    if not len(cohort) or not matcher.classes:
        return Calibration.empty()
    enrolled = len(cohort) - len(cohort.shipped)
    played = np.unique(np.linspace(0, enrolled - 1, PLAYED).astype(np.int64))
    missing = min(max(0, LEAST_PLAYED - played.size), len(cohort.shipped))
    played = np.concatenate([played, np.arange(enrolled, enrolled + missing)])
    vectors, own = cohort.vectors[played], cohort.class_ids[played]
    rankings = rank_without_own(matcher, vectors, own)
    scores = drawn_scores(matcher, vectors, rankings)
    if not scores.size:
        scores = stranger_scores(matcher, vectors, rankings)
    shipped = int((own < 0).sum())
    evidence = {"left-out classes": played.size - shipped, "shipped pictures": shipped}
    evidence = {kind: count for kind, count in evidence.items() if count}
    return Calibration.of_strangers(
        scores,
        method=" and ".join(evidence),
        classes=matcher.classes,
        strangers=played.size,
        generation=generation,
        automatic=automatic,
        evidence=evidence,
    )


def rank_without_own(matcher: Matcher, vectors: FloatArray, own: IntArray) -> list[Ranking]:
    """The `NEIGHBOURS + 1` nearest classes of each query, its own left out of the ranking.

    Args:
        vectors: `(m, dim) float32`, unit rows of the searched space.
        own: `(m,) int64`: ids of the classes to leave out.
    """
    rankings = matcher.rank(vectors, NEIGHBOURS + 2)
    return [
        Ranking(ranking.class_ids[kept], ranking.example_ids[kept], ranking.similarities[kept])
        for ranking, kept in (
            (ranking, ranking.class_ids != class_id)
            for ranking, class_id in zip(rankings, own, strict=True)
        )
    ]

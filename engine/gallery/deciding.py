"""Ranks queries, gathers the evidence about each and applies the decision rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.decision import (
    NEIGHBOURS,
    Evidence,
    Moments,
    computed_threshold,
    decide,
    leads,
    moments,
    normalized_scores,
)
from engine.decision.rule import SAME_PICTURE
from engine.decision.scores import Float64Array
from engine.gallery.matcher import Matcher
from engine.types import Decision, FloatArray, IntArray, Ranking

CANDIDATES = 5
"""How many candidates a decision shows unless told otherwise."""


def decide_queries(
    matcher: Matcher, queries: FloatArray, sources: Sequence[str], candidates: int = CANDIDATES
) -> list[Decision]:
    """A decision for each query, in order.

    Args:
        queries: `(m, dim) float32`, unit rows of the searched space.
        sources: what to call them.
        candidates: how many candidates each decision shows.
    """
    rankings = matcher.reranked(queries, matcher.rank(queries, max(candidates, NEIGHBOURS + 1)))
    return decide_rankings(matcher, queries, rankings, sources, candidates)


def decide_rankings(
    matcher: Matcher,
    queries: FloatArray,
    rankings: list[Ranking],
    sources: Sequence[str],
    candidates: int = CANDIDATES,
) -> list[Decision]:
    """A decision for each query whose classes are ranked already; see `decide_queries`.

    Args:
        rankings: `NEIGHBOURS + 1` classes each, where there are so many; the first is tested.
    """
    nearest = np.array([r.class_ids[0] if len(r) else -1 for r in rankings], np.int64)
    classes, scores = _scored(matcher, queries, rankings, nearest)
    calibration = matcher.calibration.describe(matcher.target_fpir, matcher.classes)
    if matcher.head is not None:
        calibration += "; ranked by similarity and Siamese head"
    level = matcher.level
    return [
        decide(
            Evidence(
                source=source,
                candidates=matcher.candidates(ranking, max(candidates, 2)),
                normalized_score=float(scores[row]),
                class_mean=float(classes.means[row]),
                class_std=float(classes.stds[row]),
                pinned_threshold=matcher.pins.get(int(nearest[row])),
            ),
            level=level,
            space=matcher.space_id,
            calibration=calibration,
            shown=candidates,
        )
        for row, (source, ranking) in enumerate(zip(sources, rankings, strict=True))
    ]


def class_thresholds(matcher: Matcher, class_ids: Sequence[int]) -> dict[int, float]:
    """The threshold that each of those classes has now, pinned or computed, as a similarity.

    Not-a-number for a class that never had an example.
    """
    found = matcher.moments_of(np.array(class_ids, np.int64))
    level = matcher.level
    return {
        class_id: matcher.pins.get(class_id, computed_threshold(mean, std, level))
        for class_id, mean, std in zip(
            class_ids, found.means.tolist(), found.stds.tolist(), strict=True
        )
    }


def excesses(matcher: Matcher, queries: FloatArray, rankings: list[Ranking]) -> Float64Array:
    """`(m,)`: by how much each query passes its nearest class's threshold, as normalised scores.

    0 and above is accepted; `-inf` for queries without any class. Unlike the difference of a
    decision's score and threshold, excesses of different classes can be compared.
    """
    nearest = np.array([r.class_ids[0] if len(r) else -1 for r in rankings], np.int64)
    classes, scores = _scored(matcher, queries, rankings, nearest)
    needed = np.full(nearest.size, matcher.level)
    for row, class_id in enumerate(nearest.tolist()):
        if (pin := matcher.pins.get(class_id)) is not None:
            needed[row] = (pin - classes.means[row]) / classes.stds[row]
    same = np.array([len(r) > 0 and r.similarities[0] >= SAME_PICTURE for r in rankings], np.bool_)
    found = np.where(same, np.maximum(scores - needed, 0.0), scores - needed)
    return np.where(nearest >= 0, found, -np.inf)


def query_scores(matcher: Matcher, queries: FloatArray) -> Float64Array:
    """`(m,)`: the normalised scores of queries `(m, dim) float32` with their nearest classes."""
    rankings = matcher.reranked(queries, matcher.rank(queries, NEIGHBOURS + 1))
    return stranger_scores(matcher, queries, rankings)


def stranger_scores(matcher: Matcher, queries: FloatArray, rankings: list[Ranking]) -> Float64Array:
    """`(n,)`: the normalised scores that queries of no enrolled class reach.

    Args:
        queries: `(m, dim) float32`, unit rows of the searched space.
        rankings: theirs; those without any class are left out.
    """
    kept = [row for row, ranking in enumerate(rankings) if len(ranking)]
    nearest = np.array([rankings[row].class_ids[0] for row in kept], np.int64)
    return _scored(matcher, queries[kept], [rankings[row] for row in kept], nearest)[1]


def _scored(
    matcher: Matcher, queries: FloatArray, rankings: list[Ranking], nearest: IntArray
) -> tuple[Moments, Float64Array]:
    """The nearest classes' moments and the queries' normalised scores; zeros without a class."""
    there = nearest >= 0
    classes = Moments(np.zeros(nearest.size), np.ones(nearest.size))
    scores = np.zeros(nearest.size)
    if there.any():
        top = np.full((nearest.size, NEIGHBOURS + 1), -np.inf, np.float32)
        for row, ranking in enumerate(rankings):
            similarities = ranking.similarities[: NEIGHBOURS + 1]
            top[row, : similarities.size] = similarities
        found = matcher.moments_of(nearest[there])
        impostors = matcher.cohort().query_similarities(queries[there], top[there])
        around, lead = moments(impostors), leads(top[there, 0], impostors)
        classes.means[there], classes.stds[there] = found
        scores[there] = normalized_scores(top[there, 0], lead, found, around)
    return classes, scores

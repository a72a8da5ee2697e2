"""Plays queries against what is enrolled: who is ranked where, with what score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..decision.scores import Float64Array
from ..gallery import Snapshot
from ..gallery.deciding.decisions import ranked
from ..gallery.deciding.left_out import rank_without_own
from ..local import QueryView
from ..metrics.trials import KnownTrials, StrangerTrials, Trials, empty_strangers
from ..types import FloatArray, IntArray, Ranking
from .scorers import Scorer, similarities

BATCH = 1024
_SEED = 5


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Queries and what is true of them.

    Attributes:
        embeddings: `(n, dim) float32`, unit rows, before any projection.
        classes: `(n,) int64`: ids of their classes; -1 for strangers.
        groups: `(n,) int64`: what belongs together: queries of one label have one number.
        left_out: play each known query a second time, as a stranger, its class left out.
        views: the queries', for local features; none where those don't count.
    """

    embeddings: FloatArray
    classes: IntArray
    groups: IntArray
    left_out: bool
    views: tuple[QueryView | None, ...] = ()

    def take(self, rows: IntArray) -> Match:
        """Some of the queries, in that order."""
        return Match(
            self.embeddings[rows],
            self.classes[rows],
            self.groups[rows],
            self.left_out,
            self.views_of(rows),
        )

    def views_of(self, rows: IntArray) -> tuple[QueryView | None, ...]:
        """The views of some of the queries."""
        return tuple(self.views[row] for row in rows.tolist()) if self.views else ()


def play(match: Match, scorer: Scorer, target_fpir: float) -> Trials:
    """The outcome of every query, with the thresholds for a target FPIR.

    Left-out classes are left out of the ranking one at a time, so a query meets all the others.
    """
    known = np.flatnonzero(match.classes >= 0)
    strangers = np.flatnonzero(match.classes < 0)
    own = match.classes[known]
    enrolled = _played_known(match, scorer, known, target_fpir)
    if match.left_out:
        others = _played_strangers(match, scorer, known, own, target_fpir)
    else:
        others = _played_strangers(match, scorer, strangers, None, target_fpir)
    return Trials(enrolled, others, match.left_out)


def stranger_scores(match: Match, scorer: Scorer, targets: list[float]) -> list[Float64Array]:
    """The strangers' scores, once for each target FPIR."""
    if match.left_out:
        rows = np.flatnonzero(match.classes >= 0)
        leave: IntArray | None = match.classes[rows]
    else:
        rows, leave = np.flatnonzero(match.classes < 0), None
    queries = scorer.snapshot.projection.apply_queries(match.embeddings[rows])
    rankings = _ranked(scorer.snapshot, queries, leave, match.views_of(rows))
    return [scorer.scores(queries, rankings, target) for target in targets]


def _played_known(match: Match, scorer: Scorer, rows: IntArray, target: float) -> KnownTrials:
    own = match.classes[rows]
    queries = scorer.snapshot.projection.apply_queries(match.embeddings[rows])
    rankings = _ranked(scorer.snapshot, queries, None, match.views_of(rows))
    genuine = _compared(scorer.snapshot, queries, own)
    impostors = _compared(scorer.snapshot, queries, _other_classes(scorer.snapshot, own))
    return KnownTrials(
        queries=rows,
        classes=own,
        nearest=_first([r.class_ids for r in rankings]),
        nearest_examples=_first([r.example_ids for r in rankings]),
        ranks=_ranks(rankings, own),
        similarities=similarities(rankings).astype(np.float64),
        scores=scorer.scores(queries, rankings, target),
        genuine=genuine.similarities,
        impostors=impostors.similarities,
        genuine_probabilities=genuine.probabilities,
        impostor_probabilities=impostors.probabilities,
    )


def _played_strangers(
    match: Match, scorer: Scorer, rows: IntArray, leave: IntArray | None, target: float
) -> StrangerTrials:
    if not rows.size:
        return empty_strangers()
    queries = scorer.snapshot.projection.apply_queries(match.embeddings[rows])
    rankings = _ranked(scorer.snapshot, queries, leave, match.views_of(rows))
    return StrangerTrials(
        queries=rows,
        groups=match.groups[rows] if leave is None else leave,
        nearest=_first([r.class_ids for r in rankings]),
        nearest_examples=_first([r.example_ids for r in rankings]),
        similarities=similarities(rankings).astype(np.float64),
        scores=scorer.scores(queries, rankings, target),
    )


def _ranked(
    snapshot: Snapshot,
    queries: FloatArray,
    leave: IntArray | None,
    views: tuple[QueryView | None, ...],
) -> list[Ranking]:
    """As many classes of each query as a decision looks at; `leave` names one to leave out."""
    rankings: list[Ranking] = []
    for start in range(0, len(queries), BATCH):
        rows = slice(start, start + BATCH)
        if leave is None:
            rankings += ranked(snapshot, queries[rows], views[rows] or None)
        else:
            rankings += rank_without_own(snapshot, queries[rows], leave[rows], views[rows] or None)
    return rankings


def _first(rows: list[IntArray]) -> IntArray:
    return np.array([row[0] if row.size else -1 for row in rows], np.int64)


def _ranks(rankings: list[Ranking], own: IntArray) -> IntArray:
    places = [
        np.flatnonzero(ranking.class_ids == class_id)
        for ranking, class_id in zip(rankings, own, strict=True)
    ]
    return np.array([place[0] + 1 if place.size else 0 for place in places], np.int64)


class _Compared(NamedTuple):
    """Queries with one class each, as `verify` compares; no probabilities without a head."""

    similarities: Float64Array
    probabilities: Float64Array


def _compared(snapshot: Snapshot, queries: FloatArray, classes: IntArray) -> _Compared:
    """Each query with the best example of one class; NaN for class -1."""
    similarities = np.full(len(queries), np.nan)
    probabilities = np.full(len(queries) if snapshot.head else 0, np.nan)
    for class_id in np.unique(classes[classes >= 0]):
        examples, _ = snapshot.examples.examples_of(np.array([class_id]))
        rows = np.flatnonzero(classes == class_id)
        if not examples.size:
            continue
        vectors = snapshot.index.vectors(examples)
        found = queries[rows] @ vectors.T
        similarities[rows] = found.max(axis=1)
        if snapshot.head:
            best = vectors[found.argmax(axis=1)]
            probabilities[rows] = snapshot.head.siamese.probability(queries[rows], best)
    return _Compared(similarities, probabilities)


def _other_classes(snapshot: Snapshot, own: IntArray) -> IntArray:
    """A class for each query, drawn evenly from all but its own; -1 where there is no other."""
    everyone = np.unique(snapshot.examples.classes_of(snapshot.examples.ids()))
    if everyone.size < 2:
        return np.full(own.size, -1)
    random = np.random.default_rng(_SEED)
    drawn = random.integers(everyone.size - 1, size=own.size)
    return everyone[drawn + (drawn >= np.searchsorted(everyone, own))]

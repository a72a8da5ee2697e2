"""Stranger scores with the best similarity drawn instead of seen.

Among the highest similarities of one query the spacings `i · (s_i − s_{i+1})` are independent and
exponential with one mean β (Rényi 1953, for samples whose tail is exponential). So how far a best
would be ahead of the second best can be drawn from that exponential, which serves where the best
can't be trusted: of an unlabelled query it may be its own class; of a left-out class it may be a
near-duplicate, of which a catalog has more than its queries will.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...decision import NEIGHBOURS, highest, moments, normalized
from ...decision.scores import Float64Array
from ...types import FloatArray, Ranking
from ..snapshot import Snapshot

SPACINGS = 10
"""Spacings between runners-up that the mean lead is estimated from."""

DRAWS = 20
"""Leads drawn for each query: the exponential's quantiles, evenly spaced."""


def drawn_scores(snapshot: Snapshot, queries: FloatArray, rankings: list[Ranking]) -> Float64Array:
    """`(DRAWS · n,)`: scores that strangers would reach whose runners-up are these queries'.

    Args:
        queries: `(n, dim) float32`, unit rows of the searched space.
        rankings: theirs; the nearest class of each gives way to the one drawn.
    """
    if snapshot.classes < 2 or min(map(len, rankings), default=0) < 2:
        return np.empty(0)
    winners = np.array([ranking.class_ids[0] for ranking in rankings], np.int64)
    others = [ranking.similarities[1 : NEIGHBOURS + 1].tolist() for ranking in rankings]
    shipped = highest(snapshot.cohort.shipped_similarities(queries))
    seen = [
        (max(runners_up), of_class, moments(runners_up + of_shipped, snapshot.cohort.scale))
        for runners_up, of_shipped, of_class in zip(
            others, shipped, snapshot.moments_of(winners), strict=True
        )
    ]
    shares = (np.arange(DRAWS) + 0.5) / DRAWS
    drawn = -np.log1p(-shares) * mean_lead(_padded(others))
    return np.array(
        [
            normalized(runner_up + lead, lead, of_class, of_query)
            for lead in drawn.tolist()
            for runner_up, of_class, of_query in seen
        ]
    )


def drawn_of_kinds(
    snapshot: Snapshot, queries: FloatArray, rankings: Sequence[list[Ranking]]
) -> Float64Array:
    """`drawn_scores` of a gallery's pictures and texts: the higher of both, at equal shares.

    Args:
        rankings: for each of the gallery's kinds.
    """
    drawn = [
        drawn_scores(kind, queries, ranked)
        for kind, ranked in zip(snapshot.kinds, rankings, strict=True)
    ]
    there = [scores for scores in drawn if scores.size]
    return np.maximum.reduce(there) if there else np.empty(0)


def mean_lead(impostors: FloatArray) -> float:
    """β: by how much the best of a query's similarities is ahead of the second, on average.

    Args:
        impostors: `(n, m) float32`: similarities from the second best on, in any order.
    """
    ordered = -np.sort(-impostors.astype(np.float64), axis=1)[:, : SPACINGS + 1]
    higher, lower = ordered[:, :-1], ordered[:, 1:]
    there = np.isfinite(lower)
    if not there.any():
        return 0.0
    ranks = np.broadcast_to(np.arange(2, ordered.shape[1] + 1), lower.shape)
    return float((ranks[there] * (higher[there] - lower[there])).mean())


def _padded(rows: list[list[float]]) -> FloatArray:
    """`(n, m) float32`: rows of several lengths, filled up with `-inf`."""
    filled = np.full((len(rows), max(map(len, rows))), -np.inf, np.float32)
    for number, row in enumerate(rows):
        filled[number, : len(row)] = row
    return filled

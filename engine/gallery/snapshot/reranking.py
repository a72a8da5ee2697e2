"""Puts the nearest classes in the Siamese head's order; their similarities stay true cosines.

The head knows which components of an embedding tell classes apart, but has only seen so many
pairs; cosine knows nothing and is never far off. So a query's `RERANKED` nearest classes are
ordered by the sum of both, each brought to mean 0 and deviation 1 over those classes. On every
data tried that ranked better than cosine, which the head alone did not.
"""

from __future__ import annotations

import numpy as np

from ...decision.rule import SAME_PICTURE
from ...decision.scores import Float64Array
from ...decision.siamese import SiameseHead
from ...indexes import VectorReader
from ...types import FloatArray, IntArray, Ranking

RERANKED = 20
"""How many of the nearest classes may change places."""

BATCH = 64
"""Queries whose candidates' vectors are held at a time."""


def rerank(
    head: SiameseHead, index: VectorReader, queries: FloatArray, rankings: list[Ranking]
) -> list[Ranking]:
    """The rankings with their first `RERANKED` classes in the order of cosine and head together.

    A query that is an enrolled picture itself stays as it is, and so do queries of whose candidates
    one was removed this very moment.

    Args:
        queries: `(m, dim) float32`, unit rows.
        rankings: theirs, by similarity.
    """
    reranked: list[Ranking] = []
    for start in range(0, len(rankings), BATCH):
        some = slice(start, start + BATCH)
        reranked += _reranked(head, index, queries[some], rankings[some])
    return reranked


def order_by_both(similarities: FloatArray, logits: Float64Array) -> IntArray:
    """`(k,)`: places in the order of both scores together, the best first; ties stay in order."""
    together = _standardised(similarities) + _standardised(logits)
    order: IntArray = np.argsort(-together, kind="stable")
    return order


def _reranked(
    head: SiameseHead, index: VectorReader, queries: FloatArray, rankings: list[Ranking]
) -> list[Ranking]:
    firsts = [ranking.example_ids[:RERANKED] for ranking in rankings]
    ids = np.unique(np.concatenate(firsts))
    try:
        vectors = index.vectors(ids)
    except ValueError:
        return rankings
    reranked = []
    for query, ranking, first in zip(queries, rankings, firsts, strict=True):
        if len(ranking) < 2 or ranking.similarities[0] >= SAME_PICTURE:
            reranked.append(ranking)
            continue
        logits = head.logits(query, vectors[np.searchsorted(ids, first)])
        order = order_by_both(ranking.similarities[: first.size], logits)
        reranked.append(_in_order(ranking, order))
    return reranked


def _in_order(ranking: Ranking, order: IntArray) -> Ranking:
    places = np.concatenate([order, np.arange(order.size, len(ranking))])
    return Ranking(
        ranking.class_ids[places], ranking.example_ids[places], ranking.similarities[places]
    )


def _standardised(scores: FloatArray | Float64Array) -> Float64Array:
    values = scores.astype(np.float64)
    standardised: Float64Array = (values - values.mean()) / (values.std() or 1.0)
    return standardised

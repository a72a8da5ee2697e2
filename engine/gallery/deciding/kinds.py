"""Pictures and texts, ranked apart: the kind whose first class scores higher decides.

A text's cosines with pictures lie elsewhere, and closer together, than another picture's. So each
kind is ranked among its own, a query's normalised score with its first class is that against the
others of the kind, and these scores can be compared. For people the classes of both stand in one
order: by how far each similarity is from what else of its kind the query is similar to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...decision import AMBIGUOUS_MARGIN, PICTURES, TEXTS, moments
from ...decision.rule import AMBIGUOUS_LEAD
from ...decision.scores import Float64Array
from ...types import FloatArray, IntArray, Ranking, Refusal
from ..snapshot import Snapshot


def of_both(
    snapshot: Snapshot,
    queries: FloatArray,
    pictures: Sequence[Ranking],
    texts: Sequence[Ranking],
    scores: tuple[Float64Array, Float64Array],
) -> list[Ranking]:
    """Each query's ranking of the kind that decides, with the classes of both to be shown.

    Args:
        queries: `(m, dim) float32`, unit rows of the searched space.
        scores: `(m,)` each: the normalised scores of the first classes; `-inf` where none is.
    """
    shown = in_one_order(snapshot, queries, pictures, texts)
    found = []
    for row, pair in enumerate(zip(pictures, texts, strict=True)):
        by_text = int(scores[1][row] > scores[0][row])
        ranking, other = pair[by_text], pair[1 - by_text]
        if len(ranking):
            front = _picked((ranking,), np.arange(1))
            ahead = float(scores[by_text][row] - scores[1 - by_text][row])
            if len(other) and other.class_ids[0] != ranking.class_ids[0] and ahead < AMBIGUOUS_LEAD:
                ranking = replace(ranking, lead=ahead)
                front = _one_after_another(front, _picked((other,), np.arange(1)))
            elif len(ranking) > 1 and _are_close(ranking):
                front = _picked((ranking,), np.arange(2))
            ranking = replace(ranking, shown=_one_after_another(front, shown[row]))
        found.append(replace(ranking, refused_beside=refused_in_front(other)))
    return found


def all_refused(ranking: Ranking) -> tuple[Refusal, ...]:
    """The classes, each once, that would have come first by either kind, but refuse the query."""
    told = refused_in_front(ranking) + ranking.refused_beside
    return tuple({refusal.class_id: refusal for refusal in reversed(told)}.values())[::-1]


def refused_in_front(ranking: Ranking) -> tuple[Refusal, ...]:
    """Those of the classes that refuse which would have come before the first."""
    first = ranking.similarities[0] if len(ranking) else -1.0
    return tuple(
        refusal
        for refusal in ranking.refused
        if refusal.similarity >= first or refusal.class_id in ranking.found
    )


def in_one_order(
    snapshot: Snapshot,
    queries: FloatArray,
    pictures: Sequence[Ranking],
    texts: Sequence[Ranking],
    *,
    asked_by_text: bool = False,
) -> list[Ranking]:
    """The classes of both rankings of each query, each once, with their true similarities.

    Args:
        asked_by_text: the queries are texts, so that it is the pictures that lie elsewhere.
    """
    kinds, scales = snapshot.kinds, (PICTURES, TEXTS)
    if asked_by_text:
        scales = TEXTS, PICTURES
    impostors = [kind.cohort.shipped_similarities(queries) for kind in kinds]
    found = []
    for row, pair in enumerate(zip(pictures, texts, strict=True)):
        standing = []
        for ranking, shipped, scale in zip(pair, impostors, scales, strict=True):
            mean, std = moments(ranking.similarities.tolist() + shipped[row].tolist(), scale)
            standing.append((ranking.similarities - mean) / std)
        order = np.argsort(-np.nan_to_num(np.concatenate(standing)), kind="stable")
        class_ids = np.concatenate([each.class_ids for each in pair])
        kept = order[np.sort(np.unique(class_ids[order], return_index=True)[1])]
        found.append(_picked(pair, kept))
    return found


def _are_close(ranking: Ranking) -> bool:
    return float(ranking.similarities[0] - ranking.similarities[1]) < AMBIGUOUS_MARGIN


def _one_after_another(one: Ranking, other: Ranking) -> Ranking:
    """The classes of one ranking, then those of another that the first doesn't have."""
    rest = np.flatnonzero(~np.isin(other.class_ids, one.class_ids))
    return _picked((one, other), np.concatenate([np.arange(len(one)), len(one) + rest]))


def _picked(rankings: Sequence[Ranking], places: IntArray) -> Ranking:
    """What stands at some places of rankings that are laid end to end."""
    return Ranking(
        np.concatenate([each.class_ids for each in rankings])[places],
        np.concatenate([each.example_ids for each in rankings])[places],
        np.concatenate([each.similarities for each in rankings])[places],
    )

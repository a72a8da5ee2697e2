"""Queries looked at more closely: by a part of them as well as by the whole.

A class is as similar to a query as to the more similar of the two. Strangers gain nothing by it,
although they try twice: so do the runners-up and the impostors that a score is measured against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ...local import QueryView
from ...types import FloatArray, QueryPart, Ranking, Region
from ..snapshot import Snapshot


def looked_closer(
    snapshot: Snapshot,
    rankings: Sequence[Ranking],
    views: Sequence[QueryView | None],
    k: int,
    leave: Sequence[int] | None = None,
    project: Callable[[FloatArray], FloatArray] | None = None,
) -> list[Ranking]:
    """The first k classes of each query by the whole and by its part.

    A Siamese head ranks by the whole alone, as it was judged to.

    Args:
        rankings: the first k classes by the whole.
        views: the queries' views; None, and one without a closer look, takes a ranking as it is.
        leave: the id of a class that each query isn't compared with.
        project: into the searched space; as queries are, unless told otherwise.
    """
    found = list(rankings)
    closers = {
        row: view.closer
        for row, view in enumerate(views)
        if view is not None and view.closer is not None and len(rankings[row])
    }
    if not closers or snapshot.head is not None:
        return found
    project = project or snapshot.projection.apply_queries
    vectors = project(np.stack([closer.embedding() for closer in closers.values()]))
    by_part = snapshot.rank(vectors, k if leave is None else k + 1)
    for (row, closer), vector, ranking in zip(closers.items(), vectors, by_part, strict=True):
        left = None if leave is None else leave[row]
        found[row] = _merged(rankings[row], ranking, left, k, closer.box, vector)
    return found


def _merged(
    whole: Ranking, part: Ranking, leave: int | None, k: int, box: Region, vector: FloatArray
) -> Ranking:
    """The first k classes of both rankings, of which either lists its first k."""
    class_ids = np.concatenate([whole.class_ids, part.class_ids])
    example_ids = np.concatenate([whole.example_ids, part.example_ids])
    similarities = np.concatenate([whole.similarities, part.similarities])
    of_part = np.arange(class_ids.size) >= len(whole)
    order = np.argsort(-similarities, kind="stable")
    order = order[class_ids[order] != leave] if leave is not None else order
    first = np.sort(np.unique(class_ids[order], return_index=True)[1])
    kept = order[first[:k]]
    return replace(
        whole,
        class_ids=class_ids[kept],
        example_ids=example_ids[kept],
        similarities=similarities[kept],
        part=QueryPart(box, vector, frozenset(class_ids[kept[of_part[kept]]].tolist())),
    )

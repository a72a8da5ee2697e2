"""Classes that refuse a query, since it is near to a picture that is said not to be of them.

A class refuses where the query's distance `1 − cos` to the nearest of the class's counterexamples
is under half of its distance to the nearest of its examples. Whatever else speaks for the class,
it is left out then, as if it weren't enrolled, and another may win. An enrolled picture itself is
never refused.

Half, and not simply nearer: measured over twelve kinds of pictures with one counterexample a class,
a class that refused whatever was nearer to that than to its example refused up to 77 % of its own
queries; at half of the distance 0 to 6 % (27 % of flags, 19 % of mahjong tiles), while 21 to 43 %
of other views of the rejected thing are caught.

A class that was found by a text has no such distance, since cosines with texts are others. There
0.8 is taken for the similarity to a picture of it, which no figure stands behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...types import FloatArray, Ranking, Refusal
from ..snapshot import Snapshot

NEARER = 0.5

OF_A_CLASS = 0.8
"""Where a class was found by a text, this stands for the similarity to a picture of it."""

SPARE = 8
"""So many classes more are ranked where some may refuse."""


def with_spare(snapshot: Snapshot, k: int) -> int:
    """How many classes to rank so that k are left when some refuse."""
    return k + min(snapshot.counterexamples.classes, SPARE) if len(snapshot.counterexamples) else k


def refusing(
    snapshot: Snapshot, queries: FloatArray, rankings: Sequence[Ranking], k: int | None = None
) -> list[Ranking]:
    """The rankings without the classes that refuse; of each the first k.

    Args:
        queries: `(m, dim) float32`, unit rows of the searched space.
    """
    if not len(snapshot.counterexamples):
        return list(rankings)
    return [
        _refusing(snapshot, query, ranking, k)
        for query, ranking in zip(queries, rankings, strict=True)
    ]


def _refusing(snapshot: Snapshot, query: FloatArray, ranking: Ranking, k: int | None) -> Ranking:
    refused, kept = [], []
    for place, class_id in enumerate(ranking.class_ids.tolist()):
        similarity = float(ranking.similarities[place])
        refusal = _refusal(snapshot, query, ranking, class_id, similarity)
        if refusal is None:
            kept.append(place)
        else:
            refused.append(refusal)
    if not refused and (k is None or len(kept) <= k):
        return ranking
    places = np.array(kept[:k], np.int64)
    known = {refusal.class_id for refusal in refused}
    refused += [refusal for refusal in ranking.refused if refusal.class_id not in known]
    return replace(
        ranking,
        class_ids=ranking.class_ids[places],
        example_ids=ranking.example_ids[places],
        similarities=ranking.similarities[places],
        refused=tuple(sorted(refused, key=lambda refusal: -refusal.similarity)),
    )


def _refusal(
    snapshot: Snapshot, query: FloatArray, ranking: Ranking, class_id: int, similarity: float
) -> Refusal | None:
    table = snapshot.counterexamples
    rows = table.of(class_id)
    if not rows.size:
        return None
    similarities = table.vectors[rows] @ query
    if ranking.part is not None:
        similarities = np.maximum(similarities, table.vectors[rows] @ ranking.part.vector)
    nearest = int(similarities.argmax())
    if 1 - similarities[nearest] >= NEARER * (1 - (OF_A_CLASS if ranking.of_texts else similarity)):
        return None
    return Refusal(
        label=snapshot.labels[class_id],
        class_id=class_id,
        similarity=similarity,
        counterexample_id=int(table.ids[rows[nearest]]),
        counterexample_similarity=float(similarities[nearest]),
    )

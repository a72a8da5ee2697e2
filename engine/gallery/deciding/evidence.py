"""What pictures beyond the gallery say about strangers: more evidence, tighter thresholds.

Strangers, where given, are simply scored. A labelled query is a stranger once its own class is left
out of the ranking, and shows besides how known things score. Of an unlabelled query nobody knows
whether its class is enrolled; but the class nearest to it can be left out, which makes it a
stranger, and how far ahead a best would be can be drawn (`engine.gallery.deciding.drawn`).
"""

from __future__ import annotations

import numpy as np

from ...decision import Calibration
from ...decision.scores import Float64Array
from ...types import FloatArray, IntArray
from ..snapshot import Snapshot
from .decisions import ranked, stranger_scores
from .drawn import drawn_of_kinds
from .left_out import (
    COUNTEREXAMPLES,
    Photographs,
    Views,
    calibrate_on_gallery,
    genuine_of,
    genuine_scores,
    rank_without_own,
    scores_of_counterexamples,
)

LEAST_QUERIES = 20


def calibrate(
    snapshot: Snapshot,
    *,
    generation: int,
    strangers: FloatArray | None = None,
    labelled: tuple[FloatArray, IntArray] | None = None,
    unlabelled: FloatArray | None = None,
    stranger_views: Views = None,
    labelled_views: Views = None,
    photographs: Photographs | None = None,
) -> Calibration:
    """A calibration from the best evidence that is there.

    Strangers and labelled queries count together; without them unlabelled queries; without those
    the gallery alone. Counterexamples, which are strangers to their class, count beside all but
    unlabelled queries.

    Args:
        generation: the gallery's, to stamp it with.
        strangers, unlabelled: `(n, dim) float32`, unit rows, projected as queries.
        labelled: such queries, and the ids of their classes, `(n,) int64`.
        stranger_views, labelled_views: theirs, where local features are to count.
        photographs: of enrolled pictures, for where there is nothing else.
    """
    scores, genuine, evidence, witnesses = [], np.empty(0), {}, 0
    if strangers is not None and len(strangers):
        rankings = ranked(snapshot, strangers, stranger_views)
        scores.append(stranger_scores(snapshot, strangers, rankings))
        evidence["strangers"] = len(strangers)
        witnesses += len(strangers)
    if labelled is not None and len(labelled[0]):
        queries, own = labelled
        others = rank_without_own(snapshot, queries, own, labelled_views)
        scores.append(stranger_scores(snapshot, queries, others))
        genuine = genuine_scores(snapshot, queries, own, labelled_views)
        evidence["labelled queries"] = len(queries)
        witnesses += np.unique(own).size
    if scores and (contrary := scores_of_counterexamples(snapshot)).size:
        scores.append(contrary)
        evidence[COUNTEREXAMPLES] = contrary.size
    method = " and ".join(evidence)
    counted = sum(evidence.values())
    if not scores and unlabelled is not None and len(unlabelled) >= LEAST_QUERIES:
        scores.append(unlabelled_stranger_scores(snapshot, unlabelled))
        evidence["unlabelled queries"] = counted = len(unlabelled)
        method = "unlabelled queries, their nearest class left out"
    if not scores:
        return calibrate_on_gallery(snapshot, generation=generation, photographs=photographs)
    if not genuine.size and photographs is not None and len(photographs):
        genuine = genuine_of(snapshot, photographs)
    return Calibration.of_strangers(
        np.concatenate(scores),
        method=method,
        classes=snapshot.classes,
        generation=generation,
        genuine=genuine,
        strangers=counted,
        automatic=False,
        evidence=evidence,
        witnesses=witnesses or None,
    )


def unlabelled_stranger_scores(snapshot: Snapshot, queries: FloatArray) -> Float64Array:
    """`(DRAWS · n,)`: scores that strangers like these queries would reach.

    Args:
        queries: `(n, dim) float32`, unit rows, projected as queries.
    """
    return drawn_of_kinds(snapshot, queries, [ranked(kind, queries) for kind in snapshot.kinds])

"""What pictures beyond the gallery say about strangers: more evidence, tighter thresholds.

Strangers, where given, are simply scored. A labelled query is a stranger once its own class is left
out of the ranking, and shows besides how known things score. Of an unlabelled query nobody knows
whether its class is enrolled. With the nearest class left out it is a stranger in any case, though
one that scores too little if it was one before: by such queries alone two to four times as many
strangers as wanted got a label, over ten kinds of pictures. So they count as one domain beside
those that the gallery alone plays, with which it is as many as wanted or half as many again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...decision import Calibration
from ...types import FloatArray, IntArray
from ..snapshot import Snapshot
from ..snapshot.examples import NO_CLASS
from .decisions import ranked, stranger_scores
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
UNLABELLED = "unlabelled queries"


def calibrate(
    snapshot: Snapshot,
    *,
    generation: int,
    strangers: FloatArray | None = None,
    labelled: tuple[FloatArray, IntArray] | None = None,
    unlabelled: FloatArray | None = None,
    stranger_views: Views = None,
    labelled_views: Views = None,
    unlabelled_views: Views = None,
    photographs: Photographs | None = None,
) -> Calibration:
    """A calibration from the best evidence that is there.

    Strangers and labelled queries count together; without them the gallery, and with it unlabelled
    queries. Counterexamples, which are strangers to their class, count beside all of them.

    Args:
        generation: the gallery's, to stamp it with.
        strangers, unlabelled: `(n, dim) float32`, unit rows, projected as queries.
        labelled: such queries, and the ids of their classes, `(n,) int64`.
        stranger_views, labelled_views, unlabelled_views: theirs, where a closer look and local
            features are to count.
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
    if not scores:
        alone = calibrate_on_gallery(snapshot, generation=generation, photographs=photographs)
        if unlabelled is None or len(unlabelled) < LEAST_QUERIES:
            return alone
        return _with_unlabelled(alone, snapshot, unlabelled, unlabelled_views)
    if not genuine.size and photographs is not None and len(photographs):
        genuine = genuine_of(snapshot, photographs)
    return Calibration.of_strangers(
        np.concatenate(scores),
        method=" and ".join(evidence),
        classes=snapshot.classes,
        generation=generation,
        genuine=genuine,
        strangers=sum(evidence.values()),
        automatic=False,
        evidence=evidence,
        witnesses=witnesses or None,
    )


def _with_unlabelled(
    alone: Calibration, snapshot: Snapshot, queries: FloatArray, views: Views
) -> Calibration:
    """The calibration on the gallery alone, with unlabelled queries as a domain of their own."""
    nearest = [r.class_ids[0] if len(r) else NO_CLASS for r in ranked(snapshot, queries, views)]
    others = rank_without_own(snapshot, queries, np.array(nearest, np.int64), views)
    scores = stranger_scores(snapshot, queries, others)
    evidence = {UNLABELLED: len(queries), **alone.evidence}
    return replace(
        alone,
        method=" and ".join(evidence),
        samples=(*alone.samples, np.sort(scores)),
        strangers=sum(evidence.values()),
        automatic=False,
        evidence=evidence,
    )

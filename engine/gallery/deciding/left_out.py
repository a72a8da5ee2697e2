"""What a gallery alone says about strangers: each class in turn is left out and played as one.

Two domains are played, since nobody knows which one queries will resemble: the enrolled pictures
themselves, and synthetic photographs of them (`engine.synthesis`), as cameras might take them. They
count the same: over fourteen kinds of pictures, strangers that are other specimens of the sorts
enrolled reach as much as enrolled pictures do, and photographs and drawings by another hand less.
Photographs with their own class in place show besides how known things score.

They are played by similarity alone, though local features decide about queries as well. What these
find of one enrolled picture in another is there: a common mark, frame or ground. Whether queries
will bring strangers that bear it, a catalog can't tell: over twelve kinds of pictures, another's
picture was found in 0 to 13 % of the strangers, and in 0 to 90 % of the enrolled pictures, with no
relation between the two (cards 4 and 90 %, tiles 0 and 31 %, food 13 and 7 %; there mostly one
photograph under two labels, or an enrolled print lying beside). So the target holds for strangers
that bear no enrolled thing's mark. Chance finds something in one of a hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...decision import NEIGHBOURS, Calibration
from ...decision.scores import Float64Array
from ...local import QueryView
from ...types import FloatArray, IntArray, Ranking
from ..snapshot import Snapshot
from .closely import looked_closer
from .decisions import ranked, stranger_scores, together
from .drawn import drawn_of_kinds
from .joint import joined
from .refusing import refusing, with_spare

PLAYED = 1000
"""At most this many classes are played; more would tighten the estimate little and cost time."""

SOUGHT_IN = 24
"""In so many photographs local features are sought, which takes a while."""

PHOTOGRAPHS = "synthetic photographs"
"""What calibrations that rest on some cite among their evidence."""

COUNTEREXAMPLES = "counterexamples"
"""What calibrations that count some cite among their evidence."""

COMPARED_AT = 0.05
"""The share of strangers at which seen and drawn scores are compared, whatever the target."""

Views = Sequence[QueryView | None] | None


@dataclass(frozen=True, slots=True, eq=False)
class Photographs:
    """Synthetic photographs of enrolled pictures.

    Attributes:
        vectors: `(n, dim) float32`: their embeddings, unit rows, not projected.
        class_ids: `(n,) int64`: of what they show.
        views: theirs, for a closer look and local features; None where neither is to be had.
    """

    vectors: FloatArray
    class_ids: IntArray
    views: tuple[QueryView, ...] | None = None

    def __len__(self) -> int:
        return len(self.class_ids)

    def sought(self, snapshot: Snapshot) -> Photographs:
        """An even share of them where local features count, of which they all are taken to be."""
        if self.views is None or not len(snapshot.local):
            return self
        rows = np.unique(np.linspace(0, len(self) - 1, SOUGHT_IN).astype(np.int64))
        views = tuple(self.views[row] for row in rows)
        return Photographs(self.vectors[rows], self.class_ids[rows], views)


def genuine_of(snapshot: Snapshot, photographs: Photographs) -> Float64Array:
    """`(n,)`: the scores of photographs of enrolled pictures; `-inf` where another came first."""
    some = photographs.sought(snapshot)
    taken = snapshot.projection.apply(some.vectors)
    return genuine_scores(snapshot, taken, some.class_ids, some.views)


def calibrate_on_gallery(
    snapshot: Snapshot, *, generation: int = 0, photographs: Photographs | None = None
) -> Calibration:
    """The calibration that needs no more than the gallery.

    Of the enrolled pictures a bounded sample of the cohort is played. Both the scores seen and
    those with the best similarity drawn estimate what such strangers reach. The first are too high
    where the catalog is full of near-duplicates, the second where similarities have lighter tails
    than exponential ones; the lower is taken.

    Args:
        photographs: without them, as where no pictures are kept, enrolled pictures alone are played
            and nothing is known of how known things score.
    """
    cohort = snapshot.cohort
    enrolled = len(cohort) - len(cohort.shipped)
    if not enrolled or not snapshot.classes:
        return Calibration.empty()
    played = np.unique(np.linspace(0, enrolled - 1, PLAYED).astype(np.int64))
    vectors, own = cohort.vectors[played], cohort.class_ids[played]
    rankings = [_without_own(kind, vectors, own) for kind in snapshot.kinds]
    seen = stranger_scores(snapshot, vectors, together(snapshot, vectors, rankings))
    drawn = drawn_of_kinds(snapshot, vectors, rankings)
    samples = [min((seen, drawn), key=_level)]
    genuine = None
    evidence = {"left-out classes": played.size}
    contrary = scores_of_counterexamples(snapshot)
    if contrary.size:
        samples[0] = np.concatenate([samples[0], contrary])
        evidence[COUNTEREXAMPLES] = contrary.size
    if photographs is not None and len(photographs):
        evidence = {PHOTOGRAPHS: len(photographs), **evidence}
        taken = snapshot.projection.apply(photographs.vectors)
        others = [_photographed(kind, taken, photographs) for kind in snapshot.kinds]
        samples.append(stranger_scores(snapshot, taken, together(snapshot, taken, others)))
        genuine = genuine_of(snapshot, photographs)
    return Calibration.of_strangers(
        *samples,
        method=" and ".join(evidence),
        classes=snapshot.classes,
        strangers=sum(evidence.values()),
        generation=generation,
        genuine=genuine,
        automatic=True,
        evidence=evidence,
        witnesses=np.unique(own).size,
    )


def _photographed(kind: Snapshot, taken: FloatArray, photographs: Photographs) -> list[Ranking]:
    """The rankings of photographs by one kind of examples, their own classes left out.

    Args:
        taken: `(n, dim) float32`: the photographs, unit rows of the searched space.
    """
    others = _without_own(kind, taken, photographs.class_ids)
    if photographs.views is None:
        return others
    own, project = photographs.class_ids.tolist(), kind.projection.apply
    closer = looked_closer(kind, others, photographs.views, NEIGHBOURS + 1, own, project)
    return refusing(kind, taken, closer)


def scores_of_counterexamples(snapshot: Snapshot) -> Float64Array:
    """`(n,)`: the scores of counterexamples with the class that each is a stranger to.

    Each is asked about as if it weren't known: only the others let their classes refuse it. One
    that another class comes nearest to may be of that class, and is left out.
    """
    if not len(snapshot.counterexamples):
        return np.empty(0)
    table, scores = snapshot.counterexamples, [np.empty(0)]
    for row in np.unique(np.linspace(0, len(table) - 1, PLAYED).astype(np.int64)).tolist():
        unaware, query = replace(snapshot, counterexamples=table.without(row)), table.vectors[[row]]
        rankings = ranked(unaware, query)
        if len(rankings[0]) and rankings[0].class_ids[0] == table.class_ids[row]:
            scores.append(stranger_scores(unaware, query, rankings))
    return np.concatenate(scores)


def _level(scores: Float64Array) -> float:
    """What these stranger scores ask for; nothing asks for nothing."""
    if not scores.size:
        return np.inf
    known = Calibration.of_strangers(scores, method="", classes=1, generation=0)
    return known.level(COMPARED_AT, 1)


def rank_without_own(
    snapshot: Snapshot,
    vectors: FloatArray,
    own: IntArray,
    views: Views = None,
) -> list[Ranking]:
    """The first `NEIGHBOURS + 1` classes of each query, its own left out of the ranking.

    Args:
        vectors: `(m, dim) float32`, unit rows of the searched space.
        own: `(m,) int64`: ids of the classes to leave out.
        views: theirs, where local features are to count.
    """
    kinds = snapshot.kinds
    return together(snapshot, vectors, [_without_own(kind, vectors, own, views) for kind in kinds])


def _without_own(
    snapshot: Snapshot, vectors: FloatArray, own: IntArray, views: Views = None
) -> list[Ranking]:
    """`rank_without_own` by one kind of examples."""
    ranks = with_spare(snapshot, NEIGHBOURS + 1)
    rankings = snapshot.rank(vectors, ranks + 1)
    others = [
        Ranking(
            ranking.class_ids[kept],
            ranking.example_ids[kept],
            ranking.similarities[kept],
            of_texts=ranking.of_texts,
        )
        for ranking, kept in (
            (ranking, ranking.class_ids != class_id)
            for ranking, class_id in zip(rankings, own, strict=True)
        )
    ]
    reranked = snapshot.reranked(vectors, others)
    if views is None:
        return refusing(snapshot, vectors, reranked, NEIGHBOURS + 1)
    closer = looked_closer(snapshot, reranked, views, ranks, own.tolist())
    closer = refusing(snapshot, vectors, closer, NEIGHBOURS + 1)
    return joined(snapshot, vectors, closer, views, own.tolist())


def genuine_scores(
    snapshot: Snapshot, queries: FloatArray, own: IntArray, views: Views = None
) -> Float64Array:
    """`(n,)`: the scores of queries whose own class came first; `-inf` for the others.

    Args:
        queries: `(n, dim) float32`, unit rows of the searched space.
        own: `(n,) int64`: the ids of their classes.
        views: theirs, where local features are to count.
    """
    rankings = ranked(snapshot, queries, views)
    scores = stranger_scores(snapshot, queries, rankings)
    right = np.array(
        [len(r) > 0 and r.class_ids[0] == c for r, c in zip(rankings, own, strict=True)]
    )
    return np.where(right, scores, -np.inf)

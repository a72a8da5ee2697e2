"""Ranks queries, gathers the evidence about each and applies the decision rule."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ...decision import (
    NEIGHBOURS,
    Evidence,
    Moments,
    Scale,
    Verdict,
    highest,
    judged,
    normalized_first,
    threshold,
)
from ...decision.scores import Float64Array
from ...local import QueryView
from ...products import products
from ...types import (
    Decision,
    FloatArray,
    LocalMatch,
    Location,
    Ranking,
    Reason,
)
from ..snapshot import Cohort, Snapshot
from .closely import looked_closer
from .joint import joined
from .kinds import all_refused, in_one_order, of_both
from .refusing import refusing, with_spare

CLEAR = 2.0
"""Passing its threshold by so many deviations, a class needs no other evidence."""

CANDIDATES = 5
"""How many candidates a decision shows unless told otherwise."""


def decide_queries(
    snapshot: Snapshot,
    queries: FloatArray,
    sources: Sequence[str],
    candidates: int = CANDIDATES,
    views: Sequence[QueryView | None] | None = None,
) -> list[Decision]:
    """A decision for each query, in order.

    Args:
        queries: `(m, dim) float32`, unit rows of the searched space.
        sources: what to call them.
        candidates: how many candidates each decision shows.
        views: the queries' views, for a closer look and local features, where there are any.
    """
    rankings = ranked(snapshot, queries, views, k=max(candidates, NEIGHBOURS + 1))
    return decide_rankings(snapshot, queries, rankings, sources, candidates)


def ranked(
    snapshot: Snapshot,
    queries: FloatArray,
    views: Sequence[QueryView | None] | None = None,
    *,
    k: int = NEIGHBOURS + 1,
) -> list[Ranking]:
    """The first classes of each query by all evidence there is, save those that refuse it.

    A query that is clearly accepted is not looked at further: by the similarity of the whole, then
    of a part, which costs another embedding, then by local features, which cost the most.

    Args:
        queries, views: as `decide_queries` takes them.
        k: how many classes, where there are so many.
    """
    ranks, kinds = with_spare(snapshot, k), snapshot.kinds
    everyone = [kind.reranked(queries, kind.rank(queries, ranks)) for kind in kinds]
    kept = [refusing(kind, queries, r, k) for kind, r in zip(kinds, everyone, strict=True)]
    rankings = together(snapshot, queries, kept)
    if views is None:
        return rankings
    unclear = _unclear(snapshot, queries, rankings, views)
    kept = [
        refusing(kind, queries, looked_closer(kind, r, unclear, ranks), k)
        for kind, r in zip(kinds, everyone, strict=True)
    ]
    rankings = together(snapshot, queries, kept)
    if not len(snapshot.local):
        return rankings
    unclear = _unclear(snapshot, queries, rankings, views)
    kept[0] = joined(snapshot, queries, kept[0], unclear)
    return together(snapshot, queries, kept)


def together(
    snapshot: Snapshot, queries: FloatArray, rankings: Sequence[list[Ranking]]
) -> list[Ranking]:
    """One ranking a query of those by the kinds of examples, where there is more than one kind.

    Args:
        queries: `(m, dim) float32`, unit rows of the searched space.
        rankings: for each of the gallery's kinds.
    """
    if len(rankings) == 1:
        return rankings[0]
    pictures, texts = rankings
    one, other = (_first_scores(snapshot, queries, each) for each in rankings)
    return of_both(snapshot, queries, pictures, texts, (one, other))


def nearest(
    snapshot: Snapshot, queries: FloatArray, k: int, *, asked_by_text: bool = False
) -> list[Ranking]:
    """The k nearest classes of each query by similarity alone, of pictures and of texts.

    Args:
        queries: `(m, dim) float32`, unit rows of the searched space.
        asked_by_text: they are texts.
    """
    rankings = [kind.rank(queries, k) for kind in snapshot.kinds]
    if len(rankings) == 1:
        return rankings[0]
    return in_one_order(snapshot, queries, *rankings, asked_by_text=asked_by_text)


def _first_scores(snapshot: Snapshot, queries: FloatArray, rankings: list[Ranking]) -> Float64Array:
    """`(m,)`: the normalised scores with the first classes; `-inf` where there is none."""
    verdicts = _verdicts(snapshot, queries, rankings)
    return np.array([-math.inf if v is None else v.normalised for v in verdicts])


def _unclear(
    snapshot: Snapshot,
    queries: FloatArray,
    rankings: list[Ranking],
    views: Sequence[QueryView | None],
) -> list[QueryView | None]:
    """The views of queries that aren't clearly accepted; None for the others."""
    verdicts = _verdicts(snapshot, queries, rankings)
    return [
        view if v is None or v.excess < CLEAR or v.ambiguous else None
        for view, v in zip(views, verdicts, strict=True)
    ]


def decide_rankings(
    snapshot: Snapshot,
    queries: FloatArray,
    rankings: list[Ranking],
    sources: Sequence[str],
    candidates: int = CANDIDATES,
) -> list[Decision]:
    """A decision for each query whose classes are ranked already; see `decide_queries`.

    Args:
        rankings: `NEIGHBOURS + 1` classes each, where there are so many; the first is tested.
    """
    verdicts = _verdicts(snapshot, queries, rankings)
    return [
        _nothing_left(snapshot, ranking, source)
        if verdict is None
        else _decision(snapshot, ranking, verdict, source, candidates)
        for source, ranking, verdict in zip(sources, rankings, verdicts, strict=True)
    ]


def class_thresholds(snapshot: Snapshot, class_ids: Sequence[int]) -> dict[int, float]:
    """The threshold that each of those classes has, pinned or computed, as a score.

    Not-a-number for a class that has no example.
    """
    ids = np.array(class_ids, np.int64)
    filled = [kind.examples.examples_of(ids)[1] for kind in snapshot.kinds]
    there, pins, level = set(np.concatenate(filled).tolist()), snapshot.pins, snapshot.level
    return {i: threshold(pins.get(i), level) if i in there else math.nan for i in class_ids}


def excesses(snapshot: Snapshot, queries: FloatArray, rankings: list[Ranking]) -> Float64Array:
    """`(m,)`: by how much each query passes its first class's threshold, comparable between them.

    0 and above is accepted; `-inf` for queries without any class.
    """
    verdicts = _verdicts(snapshot, queries, rankings)
    return np.array([-math.inf if v is None else v.excess for v in verdicts])


def query_scores(snapshot: Snapshot, queries: FloatArray) -> Float64Array:
    """`(m,)`: the normalised scores of queries `(m, dim) float32` with their nearest classes."""
    return stranger_scores(snapshot, queries, ranked(snapshot, queries))


def stranger_scores(
    snapshot: Snapshot, queries: FloatArray, rankings: list[Ranking]
) -> Float64Array:
    """`(n,)`: the normalised scores that queries of no enrolled class reach.

    Args:
        queries: `(m, dim) float32`, unit rows of the searched space.
        rankings: theirs; those without any class are left out.
    """
    evidence = evidence_of(snapshot, queries, rankings)
    return np.array([each.normalised for each in evidence if each is not None], np.float64)


def _verdicts(
    snapshot: Snapshot, queries: FloatArray, rankings: list[Ranking]
) -> list[Verdict | None]:
    """On each query's first class; None where there is none."""
    evidence, level = evidence_of(snapshot, queries, rankings), snapshot.level
    return [None if each is None else judged(each, level) for each in evidence]


def evidence_of(
    snapshot: Snapshot, queries: FloatArray, rankings: list[Ranking]
) -> list[Evidence | None]:
    """What speaks for and against each query's first class; None where there is none."""
    found: list[Evidence | None] = [None] * len(rankings)
    for kind in snapshot.kinds:
        rows = [
            row
            for row, ranking in enumerate(rankings)
            if len(ranking.class_ids) and ranking.of_texts == kind.of_texts
        ]
        if rows:
            kept = [rankings[row] for row in rows]
            asked = queries if len(rows) == len(queries) else queries[rows]
            for row, evidence in zip(rows, _evidence(kind, asked, kept), strict=True):
                found[row] = evidence
    return found


def _evidence(snapshot: Snapshot, queries: FloatArray, rankings: list[Ranking]) -> list[Evidence]:
    """That of queries whose rankings are all of one kind, none of them empty."""
    classes = snapshot.moments_of(np.array([r.class_ids[0] for r in rankings], np.int64))
    impostors = _impostors(snapshot.cohort, queries, rankings)
    scale, pins = snapshot.cohort.scale, snapshot.pins
    return [
        _evidence_of_one(ranking, of_class, *of_query, scale, pins)
        for ranking, of_class, of_query in zip(rankings, classes, impostors, strict=True)
    ]


def _impostors(
    cohort: Cohort, queries: FloatArray, rankings: list[Ranking]
) -> list[tuple[list[float], list[float]]]:
    """Each query's highest similarities to the shipped pictures, and to those beside them."""
    if not len(cohort.shipped) and not len(cohort.beside):
        return [([], [])] * len(rankings)
    shipped = cohort.shipped_similarities(queries)
    beside = products(queries, cohort.beside)
    parts = {place: r.part.vector for place, r in enumerate(rankings) if r.part is not None}
    if parts:
        places, vectors = list(parts), np.stack(list(parts.values()))
        shipped[places] = np.maximum(shipped[places], cohort.shipped_similarities(vectors))
        beside[places] = np.maximum(beside[places], products(vectors, cohort.beside))
    return list(zip(highest(shipped), highest(beside), strict=True))


def _evidence_of_one(
    ranking: Ranking,
    of_class: Moments,
    shipped: list[float],
    beside: list[float],
    scale: Scale,
    pins: Mapping[int, float],
) -> Evidence:
    """That of one query; see `normalized_first`."""
    similarities = ranking.similarities[: NEIGHBOURS + 1].tolist()
    score = normalized_first(similarities, of_class, shipped, beside, scale)
    return Evidence(
        similarity=similarities[0],
        runner_up=similarities[1] if len(similarities) > 1 else -math.inf,
        normalised=score + ranking.bonus,
        lead=ranking.lead,
        pin=pins.get(int(ranking.class_ids[0])),
    )


def _decision(
    snapshot: Snapshot, ranking: Ranking, verdict: Verdict, source: str, shown: int
) -> Decision:
    candidates = snapshot.candidates(ranking, max(shown, 1))
    first, accepted, part = candidates[0], verdict.accepted, ranking.part
    match = ranking.found.get(first.class_id) if ranking.bonus else None
    by_part = part is not None and first.class_id in part.class_ids
    rate = snapshot.calibration.stranger_rate(verdict.normalised, snapshot.classes)
    return Decision(
        source=source,
        label=first.label if accepted else None,
        reason=Reason.ACCEPTED if accepted else Reason.BELOW_THRESHOLD,
        similarity=first.similarity,
        score=verdict.score,
        threshold=verdict.threshold,
        margin=verdict.margin,
        ambiguous=verdict.ambiguous,
        candidates=candidates[:shown],
        space=snapshot.space_id,
        calibration=snapshot.cited,
        attributes=first.attributes if accepted else {},
        location=None if match is None else located(match),
        region=part.box if part is not None and by_part else None,
        stranger_rate=rate,
        stranger_rate_interval=snapshot.calibration.rate_interval(rate),
        refused=all_refused(ranking),
        text=first.text,
    )


def located(match: LocalMatch) -> Location:
    """Where an enrolled picture was found, in numbers for people."""
    left, top = match.corners.min(axis=0).tolist()
    right, bottom = match.corners.max(axis=0).tolist()
    return Location(
        box=(left, top, right, bottom),
        corners=tuple((x, y) for x, y in match.corners.tolist()),
        inliers=match.inliers,
        share=match.share,
    )


def _nothing_left(snapshot: Snapshot, ranking: Ranking, source: str) -> Decision:
    """The decision where no class is left to be the answer."""
    refused = all_refused(ranking)
    if refused:
        reason = Reason.REFUSED
    else:
        reason = Reason.EMPTY_GALLERY if snapshot.among is None else Reason.NOTHING_MATCHES
    return Decision(
        source=source,
        label=None,
        reason=reason,
        similarity=None,
        score=None,
        threshold=None,
        margin=None,
        ambiguous=False,
        candidates=(),
        space=snapshot.space_id,
        calibration=snapshot.cited,
        refused=refused,
    )

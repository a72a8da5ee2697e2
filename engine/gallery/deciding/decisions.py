"""Ranks queries, gathers the evidence about each and applies the decision rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...decision import (
    NEIGHBOURS,
    Evidence,
    Verdicts,
    judged,
    padded,
    scores_against,
    thresholds,
)
from ...decision.scores import Float64Array
from ...local import QueryView
from ...products import products
from ...types import (
    Decision,
    FloatArray,
    IntArray,
    LocalMatch,
    Location,
    Ranking,
    Reason,
)
from ..snapshot import Snapshot
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
    scores = np.full(len(rankings), -np.inf)
    rows, evidence = evidence_of(snapshot, queries, rankings)
    scores[rows] = judged(evidence, snapshot.level).normalised
    return scores


def _unclear(
    snapshot: Snapshot,
    queries: FloatArray,
    rankings: list[Ranking],
    views: Sequence[QueryView | None],
) -> list[QueryView | None]:
    """The views of queries that aren't clearly accepted; None for the others."""
    unclear = np.ones(len(rankings), np.bool_)
    rows, evidence = evidence_of(snapshot, queries, rankings)
    verdicts = judged(evidence, snapshot.level)
    unclear[rows] = (verdicts.excesses < CLEAR) | verdicts.ambiguous
    return [view if unclear[row] else None for row, view in enumerate(views)]


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
    rows, evidence = evidence_of(snapshot, queries, rankings)
    verdicts = judged(evidence, snapshot.level)
    rates = snapshot.calibration.stranger_rates(verdicts.normalised, snapshot.classes)
    place = dict(zip(rows.tolist(), range(rows.size), strict=True))
    return [
        _decision(snapshot, ranking, verdicts, rates, place[row], source, candidates)
        if row in place
        else _nothing_left(snapshot, ranking, source)
        for row, (source, ranking) in enumerate(zip(sources, rankings, strict=True))
    ]


def class_thresholds(snapshot: Snapshot, class_ids: Sequence[int]) -> dict[int, float]:
    """The threshold that each of those classes has, pinned or computed, as a score.

    Not-a-number for a class that has no example.
    """
    ids = np.array(class_ids, np.int64)
    found = thresholds(_pins_of(snapshot.pins, ids), snapshot.level)
    filled = np.concatenate([kind.examples.examples_of(ids)[1] for kind in snapshot.kinds])
    found[~np.isin(ids, filled)] = np.nan
    return dict(zip(class_ids, found.tolist(), strict=True))


def excesses(snapshot: Snapshot, queries: FloatArray, rankings: list[Ranking]) -> Float64Array:
    """`(m,)`: by how much each query passes its first class's threshold, comparable between them.

    0 and above is accepted; `-inf` for queries without any class.
    """
    found = np.full(len(rankings), -np.inf)
    rows, evidence = evidence_of(snapshot, queries, rankings)
    found[rows] = judged(evidence, snapshot.level).excesses
    return found


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
    return evidence_of(snapshot, queries, rankings)[1].normalised


def evidence_of(
    snapshot: Snapshot, queries: FloatArray, rankings: list[Ranking]
) -> tuple[IntArray, Evidence]:
    """What speaks for and against each query's first class.

    Returns:
        The numbers of the queries that have any class, `(n,) int64`, and the evidence about them.
    """
    rows = np.flatnonzero(np.array([len(ranking) > 0 for ranking in rankings], np.bool_))
    by_text = np.array([rankings[row].of_texts for row in rows], np.bool_)
    if len(snapshot.kinds) == 1 or not rows.size:
        return rows, _evidence(snapshot, queries, rankings, rows)
    found = [
        _evidence(kind, queries, rankings, rows[chosen])
        for kind, chosen in zip(snapshot.kinds, (~by_text, by_text), strict=True)
    ]
    order = np.argsort(np.concatenate([rows[~by_text], rows[by_text]]))
    one, other = found
    return rows, Evidence(
        similarities=np.concatenate([one.similarities, other.similarities])[order],
        normalised=np.concatenate([one.normalised, other.normalised])[order],
        leads=np.concatenate([one.leads, other.leads])[order],
        pins=np.concatenate([one.pins, other.pins])[order],
    )


def _evidence(
    snapshot: Snapshot, queries: FloatArray, rankings: list[Ranking], rows: IntArray
) -> Evidence:
    """That of the queries of those numbers, whose rankings are all of one kind."""
    kept = [rankings[row] for row in rows]
    first = np.array([ranking.class_ids[0] for ranking in kept], np.int64)
    similarities = padded([ranking.similarities for ranking in kept])
    shipped = snapshot.cohort.shipped_similarities(queries[rows])
    beside = products(queries[rows], snapshot.cohort.beside)
    parts = {place: r.part.vector for place, r in enumerate(kept) if r.part is not None}
    if parts:
        places, vectors = list(parts), np.stack(list(parts.values()))
        of_parts = snapshot.cohort.shipped_similarities(vectors)
        shipped[places] = np.maximum(shipped[places], of_parts)
        beside[places] = np.maximum(beside[places], products(vectors, snapshot.cohort.beside))
    classes = snapshot.moments_of(first)
    scores = scores_against(
        similarities[:, 0], similarities[:, 1:], shipped, classes, beside, snapshot.cohort.scale
    )
    return Evidence(
        similarities=similarities,
        normalised=scores + np.array([ranking.bonus for ranking in kept]),
        leads=np.array([np.nan if r.lead is None else r.lead for r in kept], np.float64),
        pins=_pins_of(snapshot.pins, first),
    )


def _pins_of(pins: Mapping[int, float], class_ids: IntArray) -> Float64Array:
    """`(n,)`: the pinned thresholds of classes; not-a-number where none is."""
    if not pins:
        return np.full(class_ids.size, np.nan)
    return np.array([pins.get(class_id, np.nan) for class_id in class_ids.tolist()], np.float64)


def _decision(
    snapshot: Snapshot,
    ranking: Ranking,
    verdicts: Verdicts,
    rates: Float64Array,
    place: int,
    source: str,
    shown: int,
) -> Decision:
    candidates = snapshot.candidates(ranking, max(shown, 1))
    accepted, margin = bool(verdicts.accepted[place]), float(verdicts.margins[place])
    match = ranking.found.get(candidates[0].class_id) if ranking.bonus else None
    part = ranking.part
    by_part = part is not None and candidates[0].class_id in part.class_ids
    rate = float(rates[place])
    return Decision(
        source=source,
        label=candidates[0].label if accepted else None,
        reason=Reason.ACCEPTED if accepted else Reason.BELOW_THRESHOLD,
        similarity=candidates[0].similarity,
        score=float(verdicts.scores[place]),
        threshold=float(verdicts.thresholds[place]),
        margin=None if np.isnan(margin) else margin,
        ambiguous=bool(verdicts.ambiguous[place]),
        candidates=candidates[:shown],
        space=snapshot.space_id,
        calibration=snapshot.cited,
        attributes=candidates[0].attributes if accepted else {},
        location=None if match is None else located(match),
        region=part.box if part is not None and by_part else None,
        stranger_rate=rate,
        stranger_rate_interval=snapshot.calibration.rate_interval(rate),
        refused=all_refused(ranking),
        text=candidates[0].text,
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

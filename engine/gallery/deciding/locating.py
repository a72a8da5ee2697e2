"""Several things in one picture: where enrolled pictures lie in it, and what each of them is.

What is found surest is taken away, points and all, and the rest is looked at again, until nothing
is found any more: so are several copies of one class. Matches that lie on each other are rivals for
one thing. Each thing is then decided by the joint evidence of its own part of the picture.

The target rate holds per picture: with n things to be decided, each is decided at the nth part of
it, so that all of them together let through no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...decision import NEIGHBOURS
from ...findings import Finding, Findings
from ...local import LocalMatch, LocalQuery, QueryView, inside, of_one_thing
from ...types import Decision, FloatArray
from ..snapshot import Snapshot
from .decisions import CANDIDATES, decide_queries, decide_rankings
from .joint import NOMINATED, bonus_of, sought, with_found
from .refusing import refusing, with_spare

SCENE_LONG_SIDE = 1200
"""Things in a picture are small in it, so more of it is looked at than of other queries."""

SCENE_POINTS = 4000
VOTERS = 2000

MOST_THINGS = 64
MOST_ROUNDS = 16
LEAST_POINTS = 8

MARGIN = 0.01
"""What is taken away reaches beyond an outline by this share of the picture's long side."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A part of a picture where enrolled pictures were found: where the surest of them lies.

    Attributes:
        outline: `(4, 2) float32`, in upright pixels of the picture.
        found: by class id, what was found surest of it there, and which example that is.
        tried: how many pictures there were to be found, each time it was looked for them.
        query: what of the picture's points was looked at.
    """

    outline: FloatArray
    found: dict[int, tuple[LocalMatch, int]]
    tried: int
    query: LocalQuery


def places(snapshot: Snapshot, query: LocalQuery) -> list[Place]:
    """Where enrolled pictures lie in a query, the surest of each look first."""
    known: list[Place] = []
    margin = MARGIN * max(query.features.width, query.features.height)
    for look in range(1, MOST_ROUNDS + 1):
        if len(query) < LEAST_POINTS or len(known) >= MOST_THINGS:
            break
        tried = look * len(snapshot.local)
        matches = _matches(snapshot, query, tried)
        if not matches:
            break
        known = _with_places(known, matches, tried, query)
        query = query.without(
            np.logical_or.reduce(
                [inside(query.features.keypoints[:, :2], m.corners, margin) for m, _, _ in matches]
            )
        )
    return known[:MOST_THINGS]


def findings(
    snapshot: Snapshot,
    queries: FloatArray,
    found: Sequence[Place],
    source: str,
    size: tuple[int, int],
) -> Findings:
    """Decide about every place.

    Args:
        queries: `(n, dim) float32`, unit rows of the searched space: of the part of the picture
            within each place's box.
        found: one place at least.
        source: what to call the picture.
        size: its width and height, upright.
    """
    ranks = with_spare(snapshot, NEIGHBOURS + 1)
    everyone = snapshot.reranked(queries, snapshot.rank(queries, ranks))
    rankings = refusing(snapshot, queries, everyone, NEIGHBOURS + 1)
    shared_out = replace(snapshot, target_fpir=snapshot.target_fpir / len(found))
    joint = [
        with_found(snapshot, vector, ranking, place.query, place.found, place.tried)
        for vector, ranking, place in zip(queries, rankings, found, strict=True)
    ]
    decisions = decide_rankings(shared_out, queries, joint, [source] * len(joint), CANDIDATES)
    things = []
    for decision in [_of_the_picture(each, len(found)) for each in decisions]:
        where = decision.location
        if where is None:
            continue
        things.append(Finding(decision, where.box, where.corners, where.inliers, where.share))
    return Findings(source, *size, tuple(_once(sorted(things, key=_certainty, reverse=True))))


def finding_of_whole(
    snapshot: Snapshot,
    query: FloatArray,
    view: QueryView | None,
    source: str,
    size: tuple[int, int],
) -> Findings:
    """Decide about a picture in which nothing was found, as about any query: one thing or none.

    It lies in the picture's middle where that decided.

    Args:
        query: `(dim,) float32`, unit length, of the searched space.
        view: for a closer look, without points.
        source, size: as `findings` takes them.
    """
    [decision] = decide_queries(snapshot, query[None], [source], views=[view])
    if not decision.known:
        return Findings(source, *size, ())
    box = decision.region or (0.0, 0.0, float(size[0]), float(size[1]))
    left, top, right, bottom = box
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Findings(source, *size, (Finding(decision, box, corners, 0, 0.0),))


def _matches(
    snapshot: Snapshot, query: LocalQuery, tried: int
) -> list[tuple[LocalMatch, int, int]]:
    """What was found, with its class's and its example's id, the surest first."""
    voted = snapshot.local.nominated(query, NOMINATED, VOTERS)
    found = sought(snapshot, query, voted)
    matches = [each for each in found if bonus_of(each[0], tried) > 0]
    return sorted(matches, key=lambda each: each[0].log_false_alarms)


def _with_places(
    known: list[Place],
    matches: Iterable[tuple[LocalMatch, int, int]],
    tried: int,
    query: LocalQuery,
) -> list[Place]:
    """The places, and those of matches that lie on none of them."""
    before, now = list(known), list[Place]()
    for match, class_id, example_id in matches:
        if any(of_one_thing(match.corners, place.outline) for place in before):
            continue
        there = [place for place in now if of_one_thing(match.corners, place.outline)]
        for place in there:
            place.found.setdefault(class_id, (match, example_id))
        if not there:
            now.append(Place(match.corners, {class_id: (match, example_id)}, tried, query))
    return before + now


def _once(things: Iterable[Finding]) -> list[Finding]:
    """Without those that lie on one before."""
    kept: list[Finding] = []
    for thing in things:
        outline = np.array(thing.corners, np.float32)
        if not any(of_one_thing(outline, np.array(k.corners, np.float32)) for k in kept):
            kept.append(thing)
    return kept


def _of_the_picture(decision: Decision, things: int) -> Decision:
    """A decision whose stranger rate is that of pictures with so many things to be decided: the
    share of them in which any stranger scores as high, or less."""
    if decision.stranger_rate is None:
        return decision
    interval = decision.stranger_rate_interval
    return replace(
        decision,
        stranger_rate=min(1.0, things * decision.stranger_rate),
        stranger_rate_interval=None
        if interval is None
        else (min(1.0, things * interval[0]), min(1.0, things * interval[1])),
    )


def _certainty(thing: Finding) -> tuple[bool, float, int]:
    decision = thing.decision
    assert decision.score is not None
    assert decision.threshold is not None
    return decision.known, decision.score - decision.threshold, thing.inliers

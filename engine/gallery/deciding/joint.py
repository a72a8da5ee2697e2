"""What local features say about queries, joined with what similarity says.

Nominate: the examples that a query's points speak for most, and those of the most similar classes.
Verify: each is sought in the query (`engine.local.find`). What was found speaks for its class with
a *bonus* to its normalised score:

    bonus = 14 · sure · much        sure = certainty / 10        much = (share − 0.05) / 0.25

both held within 0 and 1, where `certainty` is the negative decimal logarithm of the number of false
alarms among all examples, so that chance is found with a certainty of c once in 10^c queries, and
`share` how much of the enrolled picture was found: a print that bears a common mark shows little
else of it. Classes are then ordered by similarity and bonus together; of two that were found in one
place, nearly as surely, the one is put first of which more is seen that the other lacks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from ...cores import threads_for
from ...local import LocalMatch, LocalQuery, QueryView, find, leaning, of_one_thing
from ...types import FloatArray, IntArray, Ranking
from ..snapshot import Snapshot
from .refusing import refusing

NOMINATED = 8
"""Examples that are sought for their votes."""

MOST_SIMILAR = 2
"""Classes that are sought for their similarity."""

LEAST_CERTAINTY = 2.0
WEIGHT = 14.0
SURE = 10.0
MUCH = 0.3
LITTLE = 0.05

PER_DECADE = 10.0

PER_SIMILARITY = 16.0
"""What one unit of similarity is worth in the units of normalised scores, near enough to order."""

CLOSE = 4.0
"""Where two classes are less apart, in those units, what differs between them is looked at."""

PER_DIFFERENCE = 10.0
"""What that counts for, in the same units, a unit of mean similarity of descriptors."""


def joined(
    snapshot: Snapshot,
    queries: FloatArray,
    rankings: Sequence[Ranking],
    views: Sequence[QueryView | None],
    leave: Sequence[int] | None = None,
) -> list[Ranking]:
    """The rankings in the order of all evidence.

    Args:
        queries: `(m, dim) float32`, unit rows of the searched space.
        views: the queries' views; None takes a ranking as it is.
        leave: the id of a class that each query isn't compared with.
    """
    if not len(snapshot.local):
        return list(rankings)
    left = leave if leave is not None else [None] * len(rankings)

    def one(row: int) -> Ranking:
        view = views[row]
        if view is None or not len(query := view.query()):
            return rankings[row]
        return _joined(snapshot, queries[row], rankings[row], query, left[row])

    with ThreadPoolExecutor(threads_for(len(rankings))) as pool:
        return list(pool.map(one, range(len(rankings))))


def certainty_of(match: LocalMatch, tried: int) -> float:
    """Chance finds any of so many pictures as certainly as this once in ten to this power."""
    return -match.log_false_alarms - math.log10(max(1, tried))


def bonus_of(match: LocalMatch, tried: int) -> float:
    """What an enrolled picture that was found speaks for its class with.

    Args:
        tried: how many enrolled pictures there were to be found.
    """
    certainty = certainty_of(match, tried)
    if certainty < LEAST_CERTAINTY:
        return 0.0
    sure = min(certainty / SURE, 1.0)
    much = min(max((match.share - LITTLE) / (MUCH - LITTLE), 0.0), 1.0)
    return WEIGHT * sure * much


def weight_of(match: LocalMatch) -> float:
    """What more agreeing matches count for among classes that were found, in the same units."""
    return PER_DECADE * math.log10(max(1, match.inliers))


def _joined(
    snapshot: Snapshot,
    vector: FloatArray,
    ranking: Ranking,
    query: LocalQuery,
    leave: int | None,
) -> Ranking:
    found = _found(snapshot, ranking, query, leave)
    return with_found(snapshot, vector, ranking, query, found, len(snapshot.local))


def with_found(
    snapshot: Snapshot,
    vector: FloatArray,
    ranking: Ranking,
    query: LocalQuery,
    found: Mapping[int, tuple[LocalMatch, int]],
    tried: int,
) -> Ranking:
    """The ranking in the order of all evidence, given what was found.

    Args:
        vector: `(dim,) float32`, unit length, of the searched space: the query.
        query: its points.
        found: by class id, what was found surest of it, and which example that is.
        tried: how many enrolled pictures there were to be found.
    """
    bonuses = {c: bonus_of(match, tried) for c, (match, _) in found.items()}
    bonuses = {class_id: bonus for class_id, bonus in bonuses.items() if bonus > 0}
    if not bonuses:
        return ranking
    refused = {refusal.class_id for refusal in ranking.refused}
    examples = {c: found[c][1] for c in bonuses if c not in refused}
    ranking = _with_classes(snapshot, vector, ranking, examples)
    [ranking] = refusing(snapshot, vector[None], [ranking])
    weights = {c: bonus + weight_of(found[c][0]) for c, bonus in bonuses.items()}
    if not len(ranking):
        return ranking
    worth = PER_SIMILARITY * ranking.similarities.astype(np.float64)
    worth += [weights.get(class_id, 0.0) for class_id in ranking.class_ids.tolist()]
    order = np.argsort(-worth, kind="stable")
    rivals = [found[c] for c in ranking.class_ids[order[:2]].tolist() if c in bonuses]
    together = len(rivals) == 2 and of_one_thing(rivals[0][0].corners, rivals[1][0].corners)
    if together and worth[order[0]] - worth[order[1]] < CLOSE:
        shift = PER_DIFFERENCE * _leaning(snapshot, query, rivals) / 2
        worth[order[:2]] += [shift, -shift]
        order = np.argsort(-worth, kind="stable")
    class_ids = ranking.class_ids[order]
    first = int(class_ids[0])
    lead = None
    if first in bonuses and len(order) > 1:
        apart = len(rivals) == 2 and not together
        lead = math.inf if apart else float(worth[order[0]] - worth[order[1]])
    return replace(
        ranking,
        class_ids=class_ids,
        example_ids=ranking.example_ids[order],
        similarities=ranking.similarities[order],
        found={class_id: found[class_id][0] for class_id in bonuses},
        bonus=bonuses.get(first, 0.0),
        found_example=found[first][1] if first in bonuses else None,
        lead=lead,
    )


def _leaning(
    snapshot: Snapshot, query: LocalQuery, rivals: Sequence[tuple[LocalMatch, int]]
) -> float:
    """See `engine.local.leaning`."""
    enrolled = [(snapshot.local.features(example_id), match) for match, example_id in rivals]
    (first, one), (second, other) = enrolled
    if first is None or second is None:
        return 0.0
    return leaning(query, (first, one), (second, other))


def sought(
    snapshot: Snapshot, query: LocalQuery, example_ids: IntArray, leave: int | None = None
) -> Iterator[tuple[LocalMatch, int, int]]:
    """Those of some examples that are found in a query, with their classes' and their own ids.

    Args:
        example_ids: `(n,) int64`; each is sought once.
        leave: the id of a class that isn't sought.
    """
    owners = snapshot.examples.classes_of(example_ids)
    for example_id, class_id in dict(
        zip(example_ids.tolist(), owners.tolist(), strict=True)
    ).items():
        if class_id < 0 or class_id == leave:
            continue
        enrolled = snapshot.local.features(example_id)
        match = None if enrolled is None else find(query, enrolled)
        if match is not None:
            yield match, class_id, example_id


def _found(
    snapshot: Snapshot, ranking: Ranking, query: LocalQuery, leave: int | None
) -> dict[int, tuple[LocalMatch, int]]:
    """By class id, what was found surest of it, and which example that is."""
    spare = 0 if leave is None else snapshot.examples.examples_of(np.array([leave]))[0].size
    voted = snapshot.local.nominated(query, NOMINATED + spare)
    wanted = np.concatenate([voted, ranking.example_ids[:MOST_SIMILAR]])
    found: dict[int, tuple[LocalMatch, int]] = {}
    for match, class_id, example_id in sought(snapshot, query, wanted, leave):
        best = found.get(class_id)
        if best is None or match.log_false_alarms < best[0].log_false_alarms:
            found[class_id] = match, example_id
    return found


def _with_classes(
    snapshot: Snapshot, vector: FloatArray, ranking: Ranking, examples: dict[int, int]
) -> Ranking:
    """The ranking with classes that it lacks behind it, and their true similarities."""
    missing = {c: e for c, e in examples.items() if c not in set(ranking.class_ids.tolist())}
    ids, vectors = snapshot.index.held(np.array(sorted(missing.values()), np.int64))
    if not ids.size:
        return ranking
    owners = snapshot.examples.classes_of(ids)
    similarities, part = vectors @ vector, ranking.part
    if part is not None:
        by_part = vectors @ part.vector
        nearer = frozenset(owners[by_part > similarities].tolist())
        part = replace(part, class_ids=part.class_ids | nearer)
        similarities = np.maximum(similarities, by_part)
    return replace(
        ranking,
        class_ids=np.concatenate([ranking.class_ids, owners]),
        example_ids=np.concatenate([ranking.example_ids, ids]),
        similarities=np.concatenate([ranking.similarities, similarities]),
        part=part,
    )

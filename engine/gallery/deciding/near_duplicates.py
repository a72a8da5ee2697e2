"""Warns of classes whose examples are too close to be told apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ...types import Enrolment, NearDuplicate, NewExample, Ranking, Reject
from ..snapshot import Snapshot

NEAR_DUPLICATE_SIMILARITY = 0.97
"""At or above it, two pictures differ by no more than re-encoding and resizing one does."""


def near_duplicates(
    snapshot: Snapshot, examples: Sequence[NewExample], outcomes: list[Enrolment | Reject]
) -> list[Enrolment | Reject]:
    """The outcomes, with the classes named that a newly enrolled example can't be told from."""
    fresh = [
        number
        for number, outcome in enumerate(outcomes)
        if isinstance(outcome, Enrolment) and outcome.changed
    ]
    if not fresh:
        return outcomes
    checked = list(outcomes)
    for number, ranking in _nearest(snapshot, examples, fresh):
        outcome = outcomes[number]
        assert isinstance(outcome, Enrolment)
        close = [
            NearDuplicate(outcome.label, label, float(similarity))
            for class_id, similarity in zip(ranking.class_ids, ranking.similarities, strict=True)
            if similarity >= NEAR_DUPLICATE_SIMILARITY
            and (label := snapshot.labels.get(int(class_id))) not in (None, outcome.label)
        ]
        if close:
            checked[number] = replace(outcome, near_duplicates=tuple(close))
    return checked


def _nearest(
    snapshot: Snapshot, examples: Sequence[NewExample], numbers: Sequence[int]
) -> Iterator[tuple[int, Ranking]]:
    """The classes nearest to some of the examples, among examples of their kind."""
    for kind in snapshot.kinds:
        own = [n for n in numbers if (examples[n].text is not None) == kind.of_texts]
        if own:
            vectors = np.stack([examples[number].vector for number in own])
            yield from zip(own, kind.rank(kind.projection.apply(vectors), 3), strict=True)

"""Warns of classes whose examples are too close to be told apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from ...types import Enrolment, NearDuplicate, NewExample, Reject
from ..snapshot import Snapshot

NEAR_DUPLICATE_SIMILARITY = 0.97
"""At or above it, two pictures differ by no more than re-encoding and resizing one does."""

LOOKED_AT = 32
"""So many examples are looked at: of the class itself there may be many like it."""

NAMED = 2
"""At most so many classes are named for an example."""


def near_duplicates(
    snapshot: Snapshot, examples: Sequence[NewExample], outcomes: list[Enrolment | Reject]
) -> list[Enrolment | Reject]:
    """The outcomes, with the classes named that a newly enrolled example can't be told from.

    An example is compared with those of its kind, pictures or texts.
    """
    checked = list(outcomes)
    for kind in snapshot.kinds:
        fresh = [
            (number, outcome)
            for number, outcome in enumerate(outcomes)
            if isinstance(outcome, Enrolment)
            and outcome.changed
            and (examples[number].text is not None) == kind.of_texts
        ]
        if not fresh or not len(kind.index):
            continue
        vectors = np.stack([examples[number].vector for number, _ in fresh])
        looked_at = min(LOOKED_AT, len(kind.index))
        similarities, ids = kind.index.nearly_same(kind.projection.apply(vectors), looked_at)
        close = similarities >= NEAR_DUPLICATE_SIMILARITY
        class_ids = kind.examples.classes_of(ids)
        for row in np.flatnonzero(close.any(axis=1)):
            number, outcome = fresh[row]
            found = zip(class_ids[row][close[row]], similarities[row][close[row]], strict=True)
            checked[number] = _named(snapshot, outcome, found)
    return checked


def _named(snapshot: Snapshot, outcome: Enrolment, found: Iterable[tuple[int, float]]) -> Enrolment:
    """An outcome with the other ones of those classes named, the most similar first."""
    close: dict[str, float] = {}
    for class_id, similarity in found:
        label = snapshot.labels.get(int(class_id))
        if label is not None and label != outcome.label:
            close.setdefault(label, float(similarity))
    pairs = [NearDuplicate(outcome.label, label, close[label]) for label in list(close)[:NAMED]]
    return replace(outcome, near_duplicates=tuple(pairs))

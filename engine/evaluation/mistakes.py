"""Where a gallery goes wrong: who is taken for whom, who lets strangers in, who is turned away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..metrics.trials import Trials
from ..types import BoolArray, IntArray

SHOWN = 8
"""How many of each kind are listed."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A class, or a pair of classes, that goes wrong, with the most telling query.

    Attributes:
        label: the class that is enrolled and was ranked first.
        other: the class that the query shows; None for strangers and for refusals.
        count: how many queries went wrong this way.
        of: out of how many that could have.
        query: which query the example is.
        example: id of the enrolled example that it was compared with.
        similarity: of the two.
    """

    label: str
    other: str | None
    count: int
    of: int
    query: int
    example: int
    similarity: float

    def to_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "other": self.other,
            "count": self.count,
            "of": self.of,
            "similarity": round(self.similarity, 6),
        }


@dataclass(frozen=True, slots=True)
class Mistakes:
    """The worst of each kind, worst first.

    Attributes:
        confused: pairs of classes: `other` was shown, `label` was ranked first.
        accepting: classes that gave their label to strangers.
        refusing: classes that refused queries of their own, though ranked first.
    """

    confused: tuple[Mistake, ...]
    accepting: tuple[Mistake, ...]
    refusing: tuple[Mistake, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "most_confused": [mistake.to_json() for mistake in self.confused],
            "accepting_most_strangers": [mistake.to_json() for mistake in self.accepting],
            "refusing_most_of_their_own": [mistake.to_json() for mistake in self.refusing],
        }


def mistakes_of(trials: Trials, labels: Mapping[int, str]) -> Mistakes:
    """The worst mistakes among the outcomes; `labels` are the classes', by id."""
    known, strangers = trials.known, trials.strangers
    confused = ~known.correct & (known.nearest >= 0)
    refused = known.correct & (known.scores < 0)
    own = Counter(known.classes.tolist())
    return Mistakes(
        confused=tuple(
            Mistake(
                label=labels[int(known.nearest[row])],
                other=labels[int(known.classes[row])],
                count=count,
                of=own[int(known.classes[row])],
                query=int(known.queries[row]),
                example=int(known.nearest_examples[row]),
                similarity=float(known.similarities[row]),
            )
            for row, count in _worst(confused, known.classes, known.nearest, known.similarities)
        ),
        accepting=tuple(
            Mistake(
                label=labels[int(strangers.nearest[row])],
                other=None,
                count=count,
                of=len(strangers),
                query=int(strangers.queries[row]),
                example=int(strangers.nearest_examples[row]),
                similarity=float(strangers.similarities[row]),
            )
            for row, count in _worst(
                strangers.scores >= 0, strangers.nearest, strangers.nearest, strangers.scores
            )
        ),
        refusing=tuple(
            Mistake(
                label=labels[int(known.classes[row])],
                other=None,
                count=count,
                of=own[int(known.classes[row])],
                query=int(known.queries[row]),
                example=int(known.nearest_examples[row]),
                similarity=float(known.similarities[row]),
            )
            for row, count in _worst(refused, known.classes, known.classes, -known.scores)
        ),
    )


def _worst(
    wrong: BoolArray, first: IntArray, second: IntArray, badness: np.ndarray[Any, Any]
) -> list[tuple[int, int]]:
    """For the commonest pairs of `first` and `second`: the worst row, and how many there are."""
    rows = np.flatnonzero(wrong)
    by_pair: dict[tuple[int, int], list[int]] = {}
    for row in rows.tolist():
        by_pair.setdefault((int(first[row]), int(second[row])), []).append(row)
    picked = [
        (max(group, key=lambda row: float(badness[row])), len(group)) for group in by_pair.values()
    ]
    picked.sort(key=lambda entry: (-entry[1], -float(badness[entry[0]])))
    return picked[:SHOWN]

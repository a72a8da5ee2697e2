"""What an evaluation measures on: the outcome of every query, as arrays.

A score is what the decision compares with the threshold, less that threshold: 0 and above is
accepted. A query in an empty gallery has the score `-inf` and no nearest class (-1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..decision.scores import Float64Array
from ..types import BoolArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class KnownTrials:
    """Queries that show an enrolled class; every array is `(n,)`.

    Attributes:
        queries: which query each trial is of.
        classes: ids of their own classes.
        nearest: ids of the classes ranked first.
        nearest_examples: ids of those classes' best examples.
        ranks: the place of the own class, 1 for the nearest; 0 if it isn't among those looked at.
        similarities: to the nearest class.
        scores: of the nearest class, less its threshold.
        genuine: similarities to the own class.
        impostors: similarities to a class drawn at random from the others; NaN without another.
        genuine_probabilities, impostor_probabilities: the Siamese head's, for the same pairs;
            `(0,)` where none is in force.
    """

    queries: IntArray
    classes: IntArray
    nearest: IntArray
    nearest_examples: IntArray
    ranks: IntArray
    similarities: Float64Array
    scores: Float64Array
    genuine: Float64Array
    impostors: Float64Array
    genuine_probabilities: Float64Array
    impostor_probabilities: Float64Array

    def __len__(self) -> int:
        return self.classes.size

    @property
    def has_probabilities(self) -> bool:
        """Whether pairs are compared by a head's probability."""
        return self.genuine_probabilities.size > 0

    @property
    def pair_scores(self) -> tuple[Float64Array, Float64Array]:
        """What `verify` compares, of genuine pairs and of impostors."""
        if self.has_probabilities:
            return self.genuine_probabilities, self.impostor_probabilities
        return self.genuine, self.impostors

    @property
    def correct(self) -> BoolArray:
        """Whether the own class is ranked first."""
        correct: BoolArray = self.ranks == 1
        return correct


@dataclass(frozen=True, slots=True, eq=False)
class StrangerTrials:
    """Queries of things that aren't enrolled, or that were left out; every array is `(m,)`.

    Attributes:
        queries: which query each trial is of.
        groups: what belongs together: strangers of one label have one number.
        nearest, nearest_examples, similarities, scores: as for known queries.
    """

    queries: IntArray
    groups: IntArray
    nearest: IntArray
    nearest_examples: IntArray
    similarities: Float64Array
    scores: Float64Array

    def __len__(self) -> int:
        return self.groups.size


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """The outcomes of all queries under one lever.

    Attributes:
        known: queries of enrolled classes.
        strangers: queries that nothing should be recognised in.
        left_out: whether the strangers are the known queries again, each with its own class left
            out, and not pictures of other things.
    """

    known: KnownTrials
    strangers: StrangerTrials
    left_out: bool


def empty_strangers() -> StrangerTrials:
    """No strangers at all."""
    ints, floats = np.empty(0, np.int64), np.empty(0, np.float64)
    return StrangerTrials(ints, ints, ints, ints, floats, floats)

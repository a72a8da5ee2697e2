"""The decision rule: only the class ranked first is tested, against its own threshold.

It stands here once, for many queries at a time; whatever shows or counts verdicts calls it.

A class's threshold is `μ_class + level · σ_class`, with the calibration's level. The score tested
against it is the normalised score `z`, put back on that class's scale; either may be above 1:

    score = μ_class + z · σ_class        (so  score ≥ threshold  exactly when  z ≥ level)

An enrolled picture itself is recognised: from the similarity `SAME_PICTURE` on, the score is no
less than the similarity and the computed threshold. A threshold pinned by the user takes the place
of the computed one, and binds even then: what is pinned above a picture's score refuses it.

The normalised score is the joint evidence for the first class. Today that is what its similarity
says; whatever else comes to speak for a class enters there, and a level, which is made of
strangers' normalised scores, holds for it by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.decision.scores import NEIGHBOURS, Float64Array, Moments
from engine.types import BoolArray, FloatArray

AMBIGUOUS_MARGIN = 0.02
"""A runner-up within this similarity of the first class can't be told apart from it."""

SAME_PICTURE = 0.999
"""From this similarity on, two pictures are the same one."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the decisions about m queries rest on; every query has at least one class.

    Attributes:
        similarities: `(m, n) float32`, n at least 2: to the nearest classes in the order that they
            are ranked in, padded with `-inf`; the first is tested.
        normalised: `(m,) float64`: `z` of the first classes, which can be compared between classes
            and between queries; see `engine.decision.scores`.
        classes: `(m,)` each: of the first classes' similarities to their nearest impostors.
        pins: `(m,) float64`: thresholds pinned for the first classes; not-a-number for none.
    """

    similarities: FloatArray
    normalised: Float64Array
    classes: Moments
    pins: Float64Array


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What comes of m queries; every array is `(m,)`.

    Attributes:
        scores: what is compared with the thresholds.
        thresholds: the first classes' own.
        accepted: whether the first class is the answer.
        excesses: by how much the thresholds are passed, in deviations of the class's: unlike the
            difference of score and threshold, those of different classes can be compared.
        margins: how much more similar the first class is than the runner-up; not-a-number without
            a runner-up.
        ambiguous: whether the runner-up can't be told apart from the first class.
    """

    scores: Float64Array
    thresholds: Float64Array
    accepted: BoolArray
    excesses: Float64Array
    margins: Float64Array
    ambiguous: BoolArray


def thresholds(classes: Moments, pins: Float64Array, level: float) -> Float64Array:
    """`(n,)`: each class's own: the pinned one, or where that is not-a-number the computed one."""
    chosen: Float64Array = np.where(np.isnan(pins), classes.means + level * classes.stds, pins)
    return chosen


def judged(evidence: Evidence, level: float) -> Verdicts:
    """Apply the rule.

    Args:
        level: the least normalised score that is accepted.
    """
    classes = evidence.classes
    first, runner_up = evidence.similarities[:, :2].astype(np.float64).T
    needed = thresholds(classes, evidence.pins, level)
    scores = classes.means + evidence.normalised * classes.stds
    same = first >= SAME_PICTURE
    scores = np.where(same, np.maximum(scores, first), scores)
    scores = np.where(same & np.isnan(evidence.pins), np.maximum(scores, needed), scores)
    margins = np.where(np.isfinite(runner_up), first - runner_up, np.nan)
    return Verdicts(
        scores=scores,
        thresholds=needed,
        accepted=scores >= needed,
        excesses=(scores - needed) / classes.stds,
        margins=margins,
        ambiguous=margins < AMBIGUOUS_MARGIN,
    )


def padded(rows: list[FloatArray]) -> FloatArray:
    """`(m, NEIGHBOURS + 1) float32`: the beginning of each row, padded with `-inf`."""
    filled = np.full((len(rows), NEIGHBOURS + 1), -np.inf, np.float32)
    for number, row in enumerate(rows):
        beginning = row[: NEIGHBOURS + 1]
        filled[number, : beginning.size] = beginning
    return filled

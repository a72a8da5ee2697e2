"""The decision rule: only the class ranked first is tested, against its own threshold.

It stands here once, for many queries at a time; whatever shows or counts verdicts calls it.

What is compared are normalised scores `z` (`engine.decision.scores`), and what a person sees is
their place on one scale from 0 to 1, which means the same for every class and query:

    score = 1 / (1 + exp(−(z − 5) / 2.5))        threshold = the same of the calibration's level

Most strangers are at 0.2 to 0.5. A threshold pinned by the user is a number on that scale and takes
the place of the computed one; no query is ever out of its reach, since an enrolled picture itself
(from the similarity `SAME_PICTURE` on) has the score 1.

The normalised score is the joint evidence for the first class: what its similarity says, and what
local features add. A level, which is made of strangers' normalised scores, holds for both at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..types import BoolArray, FloatArray
from .scores import NEIGHBOURS, Float64Array

AMBIGUOUS_MARGIN = 0.02
"""A runner-up within this similarity of the first class can't be told apart from it."""

AMBIGUOUS_LEAD = 1.0
"""Nor can one that all evidence puts so close behind a class that local features found."""

TOP = 60.0
"""The normalised score of an enrolled picture itself; every other one stays below it."""

_MIDDLE = 5.0
_WIDTH = 2.5

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
        leads: `(m,) float64`: by how much all evidence puts the first class before the second, in
            units of normalised scores; not-a-number where similarity alone orders them.
        pins: `(m,) float64`: thresholds pinned for the first classes, on the scale that is shown;
            not-a-number for none.
    """

    similarities: FloatArray
    normalised: Float64Array
    leads: Float64Array
    pins: Float64Array


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What comes of m queries; every array is `(m,)`.

    Attributes:
        normalised: the normalised scores that count: `TOP` for an enrolled picture itself.
        scores: those on the scale that is shown.
        thresholds: the first classes' own, likewise.
        accepted: whether the first class is the answer.
        excesses: by how much the thresholds are passed, in units of normalised scores.
        margins: how much more similar the first class is than the runner-up; not-a-number without
            a runner-up.
        ambiguous: whether the runner-up can't be told apart from the first class.
    """

    normalised: Float64Array
    scores: Float64Array
    thresholds: Float64Array
    accepted: BoolArray
    excesses: Float64Array
    margins: Float64Array
    ambiguous: BoolArray


def on_scale(normalised: npt.ArrayLike) -> Float64Array:
    """Normalised scores on the scale that is shown, in [0, 1]; not-a-number stays so."""
    z = _bounded(np.asarray(normalised, np.float64), TOP)
    shown: Float64Array = np.where(z >= TOP, 1.0, 1 / (1 + np.exp(-(z - _MIDDLE) / _WIDTH)))
    return shown


def off_scale(scores: npt.ArrayLike) -> Float64Array:
    """Normalised scores from those shown: the inverse of `on_scale`, within `-TOP` and `TOP`."""
    with np.errstate(divide="ignore"):
        shown = np.clip(np.asarray(scores, np.float64), 0.0, 1.0)
        z = _MIDDLE + _WIDTH * (np.log(shown) - np.log1p(-shown))
    return _bounded(z, TOP)


def thresholds(pins: Float64Array, level: float) -> Float64Array:
    """`(n,)`: each class's own: the pinned one, or where that is not-a-number the computed one."""
    chosen: Float64Array = np.where(np.isnan(pins), on_scale(level), pins)
    return chosen


def judged(evidence: Evidence, level: float) -> Verdicts:
    """Apply the rule.

    Args:
        level: the least normalised score that is accepted.
    """
    first, runner_up = evidence.similarities[:, :2].astype(np.float64).T
    needed = np.full(evidence.pins.size, min(level, TOP))
    pinned = ~np.isnan(evidence.pins)
    if pinned.any():
        needed[pinned] = off_scale(evidence.pins[pinned])
    below = _bounded(evidence.normalised, TOP - 1)
    reached = np.where(first >= SAME_PICTURE, TOP, below)
    margins = np.where(np.isfinite(runner_up), first - runner_up, np.nan)
    shown = on_scale(np.concatenate([reached, [level]]))
    return Verdicts(
        normalised=reached,
        scores=shown[:-1],
        thresholds=np.where(pinned, evidence.pins, shown[-1]),
        accepted=reached >= needed,
        excesses=reached - needed,
        margins=margins,
        ambiguous=np.where(
            np.isnan(evidence.leads),
            margins < AMBIGUOUS_MARGIN,
            evidence.leads < AMBIGUOUS_LEAD,
        ),
    )


def padded(rows: list[FloatArray]) -> FloatArray:
    """`(m, NEIGHBOURS + 1) float32`: the beginning of each row, padded with `-inf`."""
    filled = np.full((len(rows), NEIGHBOURS + 1), -np.inf, np.float32)
    for number, row in enumerate(rows):
        beginning = row[: NEIGHBOURS + 1]
        filled[number, : beginning.size] = beginning
    return filled


def _bounded(scores: Float64Array, highest: float) -> Float64Array:
    """Normalised scores between `-TOP` and the highest: `np.clip`, at a fifth of what it costs."""
    bounded: Float64Array = np.minimum(np.maximum(scores, -TOP), highest)
    return bounded

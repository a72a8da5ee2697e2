"""The decision rule: only the class ranked first is tested, against its own threshold.

It stands here once, in plain numbers: for those of one query NumPy takes ten times as long.
Whatever shows or counts verdicts calls it.

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

import math
from typing import NamedTuple

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


class Evidence(NamedTuple):
    """What the decision about a query rests on.

    Attributes:
        similarity: to the class ranked first, which is tested.
        runner_up: to the second; `-inf` where there is none.
        normalised: `z` of the first class, which can be compared between classes and between
            queries; see `engine.decision.scores`. Not-a-number accepts nothing.
        lead: by how much all evidence puts the first class before the second, in units of
            normalised scores; None where similarity alone orders them.
        pin: the threshold pinned for the first class, on the scale that is shown; None for none.
    """

    similarity: float
    runner_up: float
    normalised: float
    lead: float | None
    pin: float | None


class Verdict(NamedTuple):
    """What comes of a query.

    Attributes:
        normalised: the normalised score that counts: `TOP` for an enrolled picture itself.
        score: that on the scale that is shown.
        threshold: the first class's own, likewise.
        accepted: whether the first class is the answer.
        excess: by how much the threshold is passed, in units of normalised scores.
        margin: how much more similar the first class is than the runner-up; None without one.
        ambiguous: whether the runner-up can't be told apart from the first class.
    """

    normalised: float
    score: float
    threshold: float
    accepted: bool
    excess: float
    margin: float | None
    ambiguous: bool


def on_scale(normalised: float) -> float:
    """A normalised score on the scale that is shown, in [0, 1]; not-a-number stays so."""
    z = _bounded(normalised, TOP)
    return 1.0 if z == TOP else 1 / (1 + math.exp(-(z - _MIDDLE) / _WIDTH))


def off_scale(score: float) -> float:
    """The normalised score of one shown: the inverse of `on_scale`, within `-TOP` and `TOP`."""
    if not 0 < score < 1:
        return TOP if score >= 1 else -TOP
    return _bounded(_MIDDLE + _WIDTH * (math.log(score) - math.log1p(-score)), TOP)


def threshold(pin: float | None, level: float) -> float:
    """A class's own, on the scale that is shown: the pinned one, else that of the level."""
    return on_scale(level) if pin is None else pin


def judged(evidence: Evidence, level: float) -> Verdict:
    """Apply the rule.

    Args:
        level: the least normalised score that is accepted.
    """
    similarity, runner_up, normalised, lead, pin = evidence
    needed = min(level, TOP) if pin is None else off_scale(pin)
    reached = TOP if similarity >= SAME_PICTURE else _bounded(normalised, TOP - 1)
    margin = None if runner_up == -math.inf else similarity - runner_up
    if lead is None:
        ambiguous = margin is not None and margin < AMBIGUOUS_MARGIN
    else:
        ambiguous = lead < AMBIGUOUS_LEAD
    return Verdict(
        normalised=reached,
        score=on_scale(reached),
        threshold=threshold(pin, level),
        accepted=reached >= needed,
        excess=reached - needed,
        margin=margin,
        ambiguous=ambiguous,
    )


def _bounded(score: float, highest: float) -> float:
    """A normalised score between `-TOP` and the highest; not-a-number stays so."""
    return min(max(score, -TOP), highest)

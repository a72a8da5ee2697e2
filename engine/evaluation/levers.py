"""The ways of comparing and deciding that an evaluation puts side by side.

A lever builds a scorer from what is enrolled. The first one is what to beat: raw cosine and one
threshold for all classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.evaluation.enrolled import Enrolled
from engine.evaluation.scorers import GlobalThreshold, OwnRule, Scorer
from engine.projections import Projection


@dataclass(frozen=True, slots=True)
class Lever:
    """A way of comparing and deciding.

    Attributes:
        name: a few words for a table.
        summary: what it does, one sentence.
        scorer: builds it from what is enrolled.
    """

    name: str
    summary: str
    scorer: Callable[[Enrolled], Scorer]


OWN = Lever(
    "this gallery",
    "What `recognize` does: the gallery's searched space and its own threshold for each class.",
    lambda enrolled: OwnRule(enrolled.matcher),
)

BASELINE = Lever(
    "raw cosine, one threshold",
    "Cosine of the backbone's embeddings and one threshold for all classes, as most systems do.",
    lambda enrolled: GlobalThreshold(enrolled.matcher_in(_identity(enrolled))),
)

RAW_PER_CLASS = Lever(
    "raw cosine, threshold per class",
    "Cosine of the backbone's embeddings, decided by the gallery's rule.",
    lambda enrolled: OwnRule(enrolled.matcher_in(_identity(enrolled))),
)

PROJECTED_GLOBAL = Lever(
    "projected, one threshold",
    "Cosine in the gallery's searched space and one threshold for all classes.",
    lambda enrolled: GlobalThreshold(enrolled.matcher),
)


def levers(enrolled: Enrolled) -> list[Lever]:
    """Those that differ for a gallery; the first is the baseline, the last the gallery itself."""
    if enrolled.matcher.projection.matrix is None:
        return [BASELINE, OWN]
    return [BASELINE, RAW_PER_CLASS, PROJECTED_GLOBAL, OWN]


def _identity(enrolled: Enrolled) -> Projection:
    return Projection.identity(enrolled.embeddings.shape[1])

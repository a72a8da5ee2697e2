"""The ways of comparing and deciding that an evaluation puts side by side.

A lever plays queries against what is enrolled. The first one is what to beat: raw cosine and one
threshold for all classes. Some learn from queries; those are learned from half of them and judged
on the other half, in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from ..decision.trained_head import TrainedHead
from ..gallery import Snapshot
from ..gallery.deciding.evidence import calibrate
from ..metrics.trials import Trials
from ..playing.enrolled import Enrolled
from ..playing.halves import play_halves
from ..playing.play import Match, play
from ..playing.scorers import GlobalThreshold, OwnRule, Scorer
from ..projections import Projection
from ..tuning.adapting import LEAST_QUERIES, adapted_projection
from ..tuning.heads import fitted_head

LEAST_HEAD_CLASSES = 100
"""Queries of so many classes, half of which teach a head, are needed to show what one brings."""


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

    def play(self, enrolled: Enrolled, match: Match) -> Trials:
        """The outcome of every query."""
        return play(match, self.scorer(enrolled), enrolled.snapshot.target_fpir)


@dataclass(frozen=True, slots=True)
class LearningLever:
    """A way of comparing and deciding that learns from queries.

    Attributes:
        name, summary: as for a lever.
        scorer: builds it from what is enrolled and half of the queries.
    """

    name: str
    summary: str
    scorer: Callable[[Enrolled, Match], Scorer]

    def play(self, enrolled: Enrolled, match: Match) -> Trials:
        """The outcome of every query, under what was learned from the other half."""
        target = enrolled.snapshot.target_fpir
        return play_halves(match, lambda seen: self.scorer(enrolled, seen), target)


OWN = Lever(
    "this gallery",
    "What `recognize` does: the gallery's searched space, its own threshold for each class, and "
    "its Siamese head where one is in force.",
    lambda enrolled: OwnRule(enrolled.snapshot),
)

BASELINE = Lever(
    "raw cosine, one threshold",
    "Cosine of the backbone's embeddings and one threshold for all classes, as most systems do.",
    lambda enrolled: GlobalThreshold(enrolled.snapshot_in(_identity(enrolled))),
)

RAW_PER_CLASS = Lever(
    "raw cosine, threshold per class",
    "Cosine of the backbone's embeddings, decided by the gallery's rule.",
    lambda enrolled: OwnRule(enrolled.snapshot_in(_identity(enrolled))),
)

PROJECTED_GLOBAL = Lever(
    "projected, one threshold",
    "Cosine in the gallery's searched space and one threshold for all classes.",
    lambda enrolled: GlobalThreshold(enrolled.snapshot.with_head(None)),
)

WITHOUT_HEAD = Lever(
    "without the Siamese head",
    "What `recognize` would do if no Siamese head were in force.",
    lambda enrolled: OwnRule(enrolled.snapshot.with_head(None)),
)

KEPT_HEAD = Lever(
    "Siamese head re-ranks",
    "The Siamese head that is kept, were it in force: it re-ranks the nearest classes.",
    lambda enrolled: OwnRule(enrolled.snapshot.with_head(enrolled.kept_head)),
)

ADAPTED = LearningLever(
    "adapted to the queries",
    "The searched space adapted to half of the queries, without their labels, and calibrated on "
    "them; the other half is scored.",
    lambda enrolled, seen: OwnRule(_adapted(enrolled, seen)),
)

TAUGHT_HEAD = LearningLever(
    "Siamese head re-ranks",
    "A Siamese head trained on half of the labelled queries re-ranks the nearest classes of the "
    "others, which are of other classes.",
    lambda enrolled, seen: OwnRule(_taught(enrolled, seen)),
)


def levers(enrolled: Enrolled) -> list[Lever]:
    """Those that differ for a gallery; the first is the baseline, the last the gallery itself."""
    listed = [BASELINE]
    if enrolled.snapshot.projection.matrix is not None:
        listed += [RAW_PER_CLASS, PROJECTED_GLOBAL]
    if enrolled.snapshot.head is not None:
        listed += [WITHOUT_HEAD]
    elif enrolled.kept_head is not None:
        listed += [KEPT_HEAD]
    return [*listed, OWN]


def learning_levers(enrolled: Enrolled, match: Match) -> list[LearningLever]:
    """Those that the queries are enough for."""
    listed = []
    if len(match.embeddings) >= 2 * LEAST_QUERIES:
        listed.append(ADAPTED)
    known = np.unique(match.classes[match.classes >= 0])
    if enrolled.kept_head is None and known.size >= LEAST_HEAD_CLASSES:
        listed.append(TAUGHT_HEAD)
    return listed


def _adapted(enrolled: Enrolled, seen: Match) -> Snapshot:
    snapshot = enrolled.snapshot_in(adapted_projection(enrolled, seen.embeddings))
    calibration = calibrate(
        snapshot, generation=0, unlabelled=snapshot.projection.apply_queries(seen.embeddings)
    )
    return replace(snapshot, calibration=calibration)


def _taught(enrolled: Enrolled, seen: Match) -> Snapshot:
    snapshot = enrolled.snapshot
    known = seen.classes >= 0
    examples, owners = snapshot.examples.examples_of(np.unique(seen.classes[known]))
    queries = snapshot.projection.apply_queries(seen.embeddings[known])
    head = fitted_head(
        np.concatenate([snapshot.index.vectors(examples), queries]),
        np.concatenate([owners, seen.classes[known]]),
        seed=0,
    )
    trained = TrainedHead(
        siamese=head,
        active=True,
        least_probability=0.5,
        method="half of the queries",
        classes=int(np.unique(owners).size),
        generation=0,
        created_at=datetime.now(UTC),
    )
    return snapshot.with_head(trained)


def _identity(enrolled: Enrolled) -> Projection:
    return Projection.identity(enrolled.embeddings.shape[1])

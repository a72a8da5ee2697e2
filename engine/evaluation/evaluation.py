"""Evaluates a gallery: plays labelled queries and strangers, and measures what comes out."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ..bulk.sources import Source
from ..errors import EvaluationError
from ..features import FeatureExtractor
from ..gallery import Gallery
from ..metrics.bootstrap import interval, resamples
from ..metrics.figures import Figure, figures_of, too_few_strangers
from ..metrics.trials import Trials
from ..playing.enrolled import Enrolled
from ..playing.matching import Matched, match_queries
from ..playing.play import play, stranger_scores
from ..playing.queries import Progress, Queries, embed_queries
from ..playing.scorers import Scorer
from ..playing.set_aside import without_seen
from ..types import Reject
from .comparing import Comparison, compare
from .levers import OWN, Lever
from .mistakes import Mistakes, mistakes_of

TARGETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""The FPIRs that the thresholds are asked for, to see what is reached."""

LISTED_REJECTS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class LeverResult:
    """How one lever did: its figures, by name, and the outcomes they rest on."""

    lever: Lever
    figures: dict[str, Figure]
    trials: Trials


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What an evaluation measured.

    Attributes:
        gallery: what was evaluated, as text.
        backbone: the name of its backbone.
        projection: the kind of its projection.
        calibration: what its thresholds rest on, one phrase.
        target_fpir: the share of strangers that may get a label.
        classes: how many classes are enrolled.
        matched: the pictures it was played with.
        rejects: the pictures that could not be read.
        result: how the gallery itself did.
        mistakes: where it went wrong.
        reached: the FPIR reached with the thresholds for each target FPIR.
        comparison: the gallery beside other levers, where that was asked for.
        created_at: when that was.
    """

    gallery: str
    backbone: str
    projection: str
    calibration: str
    target_fpir: float
    classes: int
    matched: Matched
    rejects: tuple[Reject, ...]
    result: LeverResult
    mistakes: Mistakes
    reached: dict[float, Figure]
    comparison: Comparison | None
    created_at: datetime

    @property
    def figures(self) -> dict[str, Figure]:
        """The gallery's figures, by name."""
        return self.result.figures

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the figures should know, one sentence each."""
        unreadable = len(self.rejects)
        if not unreadable:
            return self.matched.warnings
        return (
            *self.matched.warnings,
            f"{unreadable:,} {'picture' if unreadable == 1 else 'pictures'} could not be read; "
            "left out.",
        )

    def to_json(self) -> dict[str, Any]:
        """The object that `onelook evaluate --json` prints and the report's `figures.json`."""
        trials = self.result.trials
        return {
            "gallery": self.gallery,
            "created_at": self.created_at.isoformat(timespec="seconds"),
            "backbone": self.backbone,
            "projection": self.projection,
            "calibration": self.calibration,
            "target_fpir": self.target_fpir,
            "classes": self.classes,
            "queries": len(trials.known),
            "query_classes": int(np.unique(trials.known.classes).size),
            "strangers": len(trials.strangers),
            "strangers_are": self.matched.strangers,
            "left_out_classes": trials.left_out,
            "warnings": list(self.warnings),
            "rejected": len(self.rejects),
            "rejects": [
                {"source": reject.source, "reason": reject.reason}
                for reject in self.rejects[:LISTED_REJECTS]
            ],
            "interval": "95 % percentile bootstrap, resampled by class",
            "figures": {name: figure.to_json() for name, figure in self.figures.items()},
            "fpir_reached_by_target": {
                f"{target:g}": figure.to_json() for target, figure in self.reached.items()
            },
            "mistakes": self.mistakes.to_json(),
            "comparison": None if self.comparison is None else self.comparison.to_json(),
        }


def evaluate_gallery(
    gallery: Gallery,
    extractor: FeatureExtractor,
    queries: Source,
    unknown: Source | None = None,
    *,
    comparing: bool = False,
    progress: Progress = lambda _done: None,
) -> Evaluation:
    """Evaluate a gallery on labelled pictures; see `Recognizer.evaluate`.

    Args:
        extractor: of the gallery's backbone.
        progress: called with the number of pictures dealt with since its last call.
    """
    enrolled = Enrolled.of_gallery(gallery)
    local = len(enrolled.snapshot.local) > 0
    known = _embedded(queries, extractor, progress, local=local)
    strangers = None if unknown is None else _embedded(unknown, extractor, progress, local=local)
    head = enrolled.kept_head if comparing else enrolled.snapshot.head
    seen = enrolled.snapshot.calibration.seen | (head.seen if head else frozenset())
    unseen = _unseen(known, seen)
    unseen_strangers = None if strangers is None else _unseen(strangers, seen)
    matched = match_queries(unseen, unseen_strangers, enrolled, gallery.catalog)
    given = len(known) + (0 if strangers is None else len(strangers))
    left = len(unseen) + (0 if unseen_strangers is None else len(unseen_strangers))
    if given > left:
        told = (
            f"{given - left:,} of {given:,} pictures were used to calibrate, adapt or train this "
            "gallery; they are set aside, since they can't show how well that works."
        )
        matched = replace(matched, warnings=(told, *matched.warnings))
    return evaluate(
        str(gallery.location),
        extractor.space.backbone,
        enrolled,
        matched,
        rejects=known.rejects + (() if strangers is None else strangers.rejects),
        comparing=comparing,
    )


def _embedded(
    source: Source, extractor: FeatureExtractor, progress: Progress, *, local: bool
) -> Queries:
    embedded = embed_queries(source, extractor, progress, local=local)
    if not len(embedded):
        name = source if isinstance(source, str | os.PathLike) else "the pictures given"
        raise EvaluationError(
            f"{name}: expected pictures, but "
            + (
                f"none of {len(embedded.rejects):,} can be read; the first: "
                f"{embedded.rejects[0].source}: {embedded.rejects[0].reason}"
                if embedded.rejects
                else "there are none"
            )
        )
    return embedded


def _unseen(pictures: Queries, seen: frozenset[str]) -> Queries:
    unseen = without_seen(pictures, seen)
    if not len(unseen):
        raise EvaluationError(
            f"expected pictures that nothing was learned from, but all {len(pictures):,}, "
            f"{pictures.items[0].source} first, were used to calibrate, adapt or train this "
            "gallery, so they can't show how well that works; give others, or teach it by one "
            "half of your pictures and evaluate on the other"
        )
    return unseen


def evaluate(
    gallery: str,
    backbone: str,
    enrolled: Enrolled,
    matched: Matched,
    *,
    rejects: tuple[Reject, ...] = (),
    comparing: bool = False,
) -> Evaluation:
    """Measure what is enrolled on matched queries.

    Args:
        gallery: what to call it.
        backbone: its backbone's name.
        rejects: the pictures that could not be read.
        comparing: put the gallery beside the other levers.
    """
    snapshot = enrolled.snapshot
    scorer = OWN.scorer(enrolled)
    trials = play(matched.match, scorer, snapshot.target_fpir)
    result = LeverResult(OWN, figures_of(trials), trials)
    return Evaluation(
        gallery=gallery,
        backbone=backbone,
        projection=snapshot.projection.kind,
        calibration=snapshot.calibration.describe(snapshot.target_fpir, snapshot.classes),
        target_fpir=snapshot.target_fpir,
        classes=snapshot.classes,
        matched=matched,
        rejects=rejects,
        result=result,
        mistakes=mistakes_of(trials, enrolled.labels),
        reached=reached_fpirs(matched, scorer, trials),
        comparison=compare(enrolled, matched.match) if comparing else None,
        created_at=datetime.now(UTC),
    )


def reached_fpirs(matched: Matched, scorer: Scorer, trials: Trials) -> dict[float, Figure]:
    """The FPIR that the thresholds for each of `TARGETS` reach."""
    targets = [t for t in TARGETS if too_few_strangers(len(trials.strangers), t) is None]
    reached = {
        target: Figure(refused=too_few_strangers(len(trials.strangers), target))
        for target in TARGETS
    }
    groups = trials.strangers.groups
    for target, scores in zip(
        targets, stranger_scores(matched.match, scorer, targets), strict=True
    ):
        accepted = scores >= 0
        replicates = [
            float(accepted[rows].mean()) for _, rows in resamples(groups[:0], groups, paired=False)
        ]
        value = float(accepted.mean())
        reached[target] = Figure(value, *interval(replicates, np.unique(groups).size))
    return reached

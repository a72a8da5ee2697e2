"""How ranked classes become a score and a verdict: the gallery's own rule, or one threshold.

A scorer gives each query the score of its nearest class less the threshold, for any target FPIR;
0 and above is accepted. Queries are `(m, dim) float32`, unit rows of the snapshot's searched space,
and come with their rankings; one without any class scores `-inf`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from functools import cached_property

import numpy as np

from ..decision import Calibration
from ..decision.scores import Float64Array
from ..gallery import Snapshot
from ..gallery.deciding.decisions import excesses
from ..gallery.deciding.left_out import PLAYED, rank_without_own
from ..types import FloatArray, Ranking


class Scorer(ABC):
    """A snapshot with a rule for its thresholds."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    @abstractmethod
    def scores(
        self, queries: FloatArray, rankings: list[Ranking], target_fpir: float
    ) -> Float64Array:
        """`(m,)`: score less threshold, were the gallery asked for that FPIR."""


class OwnRule(Scorer):
    """The decision rule as `recognize` applies it: a threshold for each class."""

    def scores(
        self, queries: FloatArray, rankings: list[Ranking], target_fpir: float
    ) -> Float64Array:
        return excesses(replace(self.snapshot, target_fpir=target_fpir), queries, rankings)


class GlobalThreshold(Scorer):
    """The similarity itself against one threshold for all classes, as most systems do.

    The threshold is calibrated like the gallery's own: on the similarities that the gallery's
    examples reach with their own class left out.
    """

    def scores(
        self,
        queries: FloatArray,  # noqa: ARG002 -- the similarities are in the rankings already
        rankings: list[Ranking],
        target_fpir: float,
    ) -> Float64Array:
        level = self._calibration.level(target_fpir, self.snapshot.classes)
        return similarities(rankings).astype(np.float64) - level

    @cached_property
    def _calibration(self) -> Calibration:
        cohort = self.snapshot.cohort
        evenly = np.linspace(0, max(0, len(cohort) - 1), PLAYED if len(cohort) else 0)
        played = np.unique(evenly.astype(np.int64))
        rankings = rank_without_own(self.snapshot, cohort.vectors[played], cohort.class_ids[played])
        reached = similarities([ranking for ranking in rankings if len(ranking)])
        return Calibration.of_strangers(
            reached.astype(np.float64),
            method="similarities of left-out classes",
            classes=self.snapshot.classes,
            generation=0,
        )


def similarities(rankings: list[Ranking]) -> FloatArray:
    """`(m,) float32`: to the nearest class; `-inf` where there is none."""
    return np.array([r.similarities[0] if len(r) else -np.inf for r in rankings], np.float32)

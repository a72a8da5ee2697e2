"""What tuning a gallery came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from ..decision import Calibration, on_scale
from ..decision.intervals import wilson_interval
from ..metrics.figures import Figure

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """The calibration in force, and what is known of the error rates.

    Attributes:
        method: what it rests on, one phrase.
        evidence: counts by kind, such as `{"left-out classes": 180}`.
        target_fpir: the share of strangers that may get a label.
        expected_fpir, expected_tpir: shares of 1; None where nothing is known.
        expected_fpir_interval, expected_tpir_interval: 95 % (Wilson); chance only.
        expected_tpir_of: which queries the expected TPIR is that of, one phrase, or None.
        holds_for: which strangers the expected FPIR is true of, one phrase.
        level: the least normalised score that is accepted.
        threshold: the same as a score in [0, 1]: that of every class that has none pinned.
        classes, generation, created_at: the gallery's when it was made, and when that was.
        outgrown: the gallery has grown past what it supports.
        kept: it was in force before; nothing new was there to replace what it rests on.
        space: the searched space that it holds for.
        enrolled_themselves: how many of the pictures given were set aside, being enrolled.
        rejects: how many could not be read.
    """

    method: str
    evidence: Mapping[str, int]
    target_fpir: float
    expected_fpir: float | None
    expected_fpir_interval: Interval | None
    holds_for: str
    expected_tpir: float | None
    expected_tpir_interval: Interval | None
    expected_tpir_of: str | None
    level: float
    threshold: float
    classes: int
    generation: int
    created_at: datetime
    outgrown: bool
    kept: bool
    space: str
    enrolled_themselves: int
    rejects: int

    @classmethod
    def of(
        cls,
        calibration: Calibration,
        target_fpir: float,
        *,
        classes: int,
        space: str,
        kept: bool = False,
        enrolled_themselves: int = 0,
        rejects: int = 0,
    ) -> Self:
        """What a calibration promises in a gallery that has that many classes by now."""
        tpir = calibration.expected_tpir(target_fpir, classes)
        return cls(
            method=calibration.method,
            evidence=dict(calibration.evidence),
            target_fpir=target_fpir,
            expected_fpir=target_fpir if calibration.strangers else None,
            expected_fpir_interval=wilson_interval(target_fpir, calibration.strangers),
            holds_for=calibration.holds_for,
            expected_tpir=tpir,
            expected_tpir_interval=None
            if tpir is None
            else wilson_interval(tpir, calibration.genuine_scores.size),
            expected_tpir_of=calibration.genuine_are,
            level=(level := calibration.level(target_fpir, classes)),
            threshold=on_scale(level),
            classes=calibration.classes,
            generation=calibration.generation,
            created_at=calibration.created_at,
            outgrown=calibration.outgrown(classes),
            kept=kept,
            space=space,
            enrolled_themselves=enrolled_themselves,
            rejects=rejects,
        )

    def to_json(self) -> dict[str, Any]:
        """The object that `onelook calibrate --json` prints; its keys are stable."""
        return {
            "method": self.method,
            "evidence": dict(self.evidence),
            "target_fpir": self.target_fpir,
            "expected_fpir": self.expected_fpir,
            "expected_fpir_interval": self.expected_fpir_interval,
            "holds_for": self.holds_for,
            "expected_tpir": self.expected_tpir,
            "expected_tpir_interval": self.expected_tpir_interval,
            "expected_tpir_of": self.expected_tpir_of,
            "level": round(self.level, 4),
            "threshold": round(self.threshold, 6),
            "classes": self.classes,
            "generation": self.generation,
            "created_at": self.created_at.isoformat(timespec="seconds"),
            "outgrown": self.outgrown,
            "kept": self.kept,
            "space": self.space,
            "enrolled_themselves": self.enrolled_themselves,
            "rejects": self.rejects,
        }


@dataclass(frozen=True, slots=True)
class LearnedSpaceReport:
    """A space learned from views of the gallery's own pictures, beside the former one.

    Attributes:
        views, classes: what it was learned from, and judged on with the halves changed about.
        target_fpir: the FPIR that the TPIRs are taken at.
        tpir_of_views_before, tpir_of_views_after: shares of 1.
        oscr_of_views_before, oscr_of_views_after: areas, shares of 1.
        oscr_gain: by how much the new space is better.
        adapted: whether the new space was kept.
        searched_space: the space that is searched now.
    """

    views: int
    classes: int
    target_fpir: float
    tpir_of_views_before: float
    tpir_of_views_after: float
    oscr_of_views_before: float
    oscr_of_views_after: float
    oscr_gain: Figure
    adapted: bool
    searched_space: str

    def to_json(self) -> dict[str, Any]:
        return {
            "views": self.views,
            "classes": self.classes,
            "target_fpir": self.target_fpir,
            "tpir_of_views_before": round(self.tpir_of_views_before, 4),
            "tpir_of_views_after": round(self.tpir_of_views_after, 4),
            "oscr_of_views_before": round(self.oscr_of_views_before, 4),
            "oscr_of_views_after": round(self.oscr_of_views_after, 4),
            "oscr_gain": self.oscr_gain.to_json(),
            "adapted": self.adapted,
            "searched_space": self.searched_space,
            "rejects": 0,
        }


@dataclass(frozen=True, slots=True)
class AdaptedSpaceReport:
    """A space centred on queries, beside the former one.

    Attributes:
        queries: how many it was learned from.
        given_a_label_before, given_a_label_after: shares of held-out queries, at the same FPIR.
        target_fpir: that FPIR.
        learned_from_gallery: whether views of the gallery's own pictures took part.
        adapted: whether the new space was kept.
        searched_space: the space that is searched now.
        enrolled_themselves: how many of the pictures given were set aside, being enrolled.
        rejects: how many could not be read.
    """

    queries: int
    given_a_label_before: float
    given_a_label_after: float
    target_fpir: float
    learned_from_gallery: bool
    adapted: bool
    searched_space: str
    enrolled_themselves: int = 0
    rejects: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "queries": self.queries,
            "given_a_label_before": round(self.given_a_label_before, 4),
            "given_a_label_after": round(self.given_a_label_after, 4),
            "target_fpir": self.target_fpir,
            "learned_from_gallery": self.learned_from_gallery,
            "adapted": self.adapted,
            "searched_space": self.searched_space,
            "enrolled_themselves": self.enrolled_themselves,
            "rejects": self.rejects,
        }


SpaceReport = LearnedSpaceReport | AdaptedSpaceReport
"""What `Recognizer.adapt` came to, without queries and with them."""

"""Quality: the calibration in force, the target against what was measured."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request

from ..access import require
from ..advice import advice
from ..histograms import histogram
from ..logs import audit
from ..schemas import (
    AdviceOut,
    FeedbackCountsOut,
    JobReportOut,
    QualityOut,
    QueryDriftOut,
    TargetIn,
)
from ..service import Service, service_of
from ..tokens import Scope

router = APIRouter(prefix="/v1/quality", tags=["quality"])
_LOOKED_AT = 100


@router.get("", dependencies=[require(Scope.RECOGNIZE)])
def quality(request: Request) -> QualityOut:
    """What the thresholds rest on, and how recognition fared."""
    return _quality(service_of(request))


@router.get("/advice", dependencies=[require(Scope.RECOGNIZE)])
def show_advice(request: Request) -> AdviceOut:
    """Which classes need another picture, and which are mixed up."""
    service = service_of(request)
    verdicts = service.store.review.verdicts(service.recognizer.backbone.space.id)
    return advice(service.recognizer.gallery.snapshot(), verdicts)


@router.put("/target", dependencies=[require(Scope.ADMIN)])
def set_target(request: Request, target: TargetIn) -> QualityOut:
    """Set the share of strangers that may get a label; thresholds follow at once."""
    service = service_of(request)
    gallery = service.recognizer.gallery
    gallery.thresholds.set_target_fpir(target.target_fpir)
    audit("target set", target_fpir=target.target_fpir)
    if gallery.snapshot().target_fpir != target.target_fpir:
        gallery.rebuild()
    return _quality(service)


def _quality(service: Service) -> QualityOut:
    snapshot = service.recognizer.gallery.snapshot()
    calibration = snapshot.calibration
    scores = calibration.stranger_scores
    level = snapshot.level
    report, evaluated_at = _latest_evaluation(service)
    drift = service.recognizer.gallery.queries.drift()
    return QualityOut(
        method=calibration.method,
        strangers=calibration.strangers,
        classes_then=calibration.classes,
        classes_now=snapshot.classes,
        created_at=calibration.created_at if scores.size else None,
        target_fpir=snapshot.target_fpir,
        measured_fpir=float((scores >= level).mean()) if scores.size else None,
        level=level,
        stranger_scores=histogram(scores),
        feedback=_feedback(service),
        queries=None if drift is None else QueryDriftOut.model_validate(drift),
        evaluation=None if report is None else report.evaluation,
        evaluated_at=evaluated_at,
    )


def _latest_evaluation(service: Service) -> tuple[JobReportOut | None, datetime | None]:
    for job in service.store.jobs.newest(limit=_LOOKED_AT):
        if job.kind == "evaluation" and job.state == "done":
            return JobReportOut.model_validate(job.report), job.finished_at
    return None, None


def _feedback(service: Service) -> FeedbackCountsOut:
    counts = {"right": 0, "misnamed": 0, "missed": 0, "strangers_named": 0}
    for said, decided in service.store.review.verdicts(service.recognizer.backbone.space.id):
        if said == decided:
            counts["right"] += 1
        elif decided is None:
            counts["missed"] += 1
        elif said is None:
            counts["strangers_named"] += 1
        else:
            counts["misnamed"] += 1
    return FeedbackCountsOut(**counts)

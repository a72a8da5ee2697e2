"""Recognise, compare, look around; and say whether that was right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from ... import __version__
from ...errors import ExampleNotFoundError, ImageError, ServiceError
from ...evaluation.explanation.explain import FoundEvidence
from ...features import embeddings_of
from ...filtering import Filter
from ...findings import Findings
from ...gallery import CANDIDATES, verify_features
from ...types import Candidate, Decision, Reject
from .. import uploads
from ..access import require
from ..histograms import histogram
from ..logs import audit
from ..presence import while_there
from ..recognition import Recognized, Upload
from ..schemas import (
    CandidateOut,
    DecisionOut,
    DecisionsOut,
    ExplanationOut,
    FeedbackOut,
    FindingOut,
    FindingsListOut,
    FindingsOut,
    GalleryOut,
    MatchesOut,
    NearestListOut,
    NearestOut,
    VerificationOut,
)
from ..service import Service, service_of
from ..tokens import Principal, Scope

router = APIRouter(prefix="/v1", tags=["recognition"])
MOST_CANDIDATES = 50
_MATCHES = 40
_IMAGES = uploads.many_files("The pictures: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC.")
Caller = Annotated[Principal, require(Scope.RECOGNIZE)]
_FILTER = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Compare only with classes whose attributes have these values: `kind=mug|cup`, "
    "or a JSON object.",
}
_KEEP = {
    "type": "string",
    "enum": ["true", "false"],
    "description": "`false`: don't keep a picture called unknown for review, as of a live camera.",
}
_COUNT = {"type": "integer", "minimum": 1, "maximum": MOST_CANDIDATES, "default": CANDIDATES}


@router.get("/gallery")
def gallery(request: Request, principal: Caller) -> GalleryOut:
    """What is served, and what the caller may do."""
    service = service_of(request)
    opened = service.recognizer.gallery
    state, counts = opened.catalog.state(), opened.catalog.counts()
    return GalleryOut(
        version=__version__,
        backbone=state.space.backbone,
        dimension=state.space.dimension,
        space=opened.snapshot().space_id,
        classes=counts.classes,
        examples=counts.examples,
        generation=state.generation,
        keep_pictures=state.keep_pictures.value,
        target_fpir=state.target_fpir,
        read_only=opened.read_only,
        keep_unknown=service.options.keep_unknown,
        kept_unknown=service.store.review.count(),
        scope=principal.scope.text,
        max_pictures=service.options.max_pictures,
        max_image_bytes=service.options.max_image_bytes,
        knows_texts=service.recognizer.backbone.knows_texts,
    )


@router.post(
    "/recognize",
    openapi_extra=uploads.body(
        images=dict(_IMAGES),
        box=dict(uploads.BOXES),
        candidates=dict(_COUNT),
        filter=dict(_FILTER),
        keep=dict(_KEEP),
    ),
    dependencies=[require(Scope.RECOGNIZE)],
)
async def recognize(request: Request) -> DecisionsOut:
    """Decide for each picture which class it shows, or that it shows none of them.

    One picture that can't be read is an error; among several it is a result with an `error`.
    """
    service = service_of(request)
    async with uploads.multipart(request, max_files=service.options.max_pictures) as form:
        asked = _Asked(await uploads.pictures(form), _count(form, "candidates"), _where(form))
        keep = uploads.flag(form, "keep", default=True)
    outcomes = await _recognized(request, service, asked)
    recognized = [outcome for outcome in outcomes if isinstance(outcome, Recognized)]
    for entry in recognized:
        service.metrics.decided(known=entry.decision.known)
    if keep:
        await service.keeper.keep(recognized)
    return DecisionsOut(results=[_decision(outcome) for outcome in outcomes])


@router.post(
    "/locate",
    openapi_extra=uploads.body(images=dict(_IMAGES), box=dict(uploads.BOXES), filter=dict(_FILTER)),
    dependencies=[require(Scope.RECOGNIZE)],
)
async def locate(request: Request) -> FindingsListOut:
    """Find everything enrolled that each picture shows, and where; several things, and copies.

    One picture that can't be read is an error; among several it is a result with an `error`.
    """
    service = service_of(request)
    async with uploads.multipart(request, max_files=service.options.max_pictures) as form:
        pictures = await uploads.pictures(form)
        where = Filter.parse(uploads.texts(form, "filter"))
    outcomes = await while_there(request, service.line.locate(pictures, where=where))
    if len(outcomes) == 1:
        _raise_reject(outcomes[0])
    return FindingsListOut(results=[_findings(outcome) for outcome in outcomes])


@router.post(
    "/nearest",
    openapi_extra=uploads.body(
        images=dict(_IMAGES) | {"x-required": False},
        text=dict(uploads.TEXT),
        box=dict(uploads.BOXES),
        k=dict(_COUNT),
        filter=dict(_FILTER),
    ),
    dependencies=[require(Scope.RECOGNIZE)],
)
async def nearest(request: Request) -> NearestListOut:
    """The nearest classes of each picture, or of a text, whether or not they would be accepted."""
    service = service_of(request)
    async with uploads.multipart(request, max_files=service.options.max_pictures) as form:
        text = uploads.text(form, "text")
        if text is not None and (form.getlist("images") or form.getlist("box")):
            raise ServiceError("expected pictures in the field 'images', or a 'text', but not both")
        pictures = await uploads.pictures(form) if text is None else []
        asked = _Asked(pictures, _count(form, "k"), _where(form))
    if text is not None:
        near = service.line.nearest_to(text, asked.count, asked.where)
        candidates = _candidates(await while_there(request, near))
        return NearestListOut(results=[NearestOut(source=text, candidates=candidates)])
    outcomes = await _recognized(request, service, asked)
    vectors = embeddings_of(
        [outcome.features for outcome in outcomes if isinstance(outcome, Recognized)],
        service.recognizer.backbone.space.dimension,
    )
    found = iter(
        await run_in_threadpool(
            service.recognizer.nearest_embeddings, vectors, asked.count, where=asked.where
        )
    )
    return NearestListOut(
        results=[
            NearestOut(source=outcome.source, error=outcome.reason)
            if isinstance(outcome, Reject)
            else NearestOut(source=outcome.decision.source, candidates=_candidates(next(found)))
            for outcome in outcomes
        ]
    )


@router.post(
    "/verify",
    openapi_extra=uploads.body(
        first=uploads.one_file("A picture."),
        second=uploads.one_file("Another picture."),
        first_box=dict(uploads.BOX),
        second_box=dict(uploads.BOX),
    ),
    dependencies=[require(Scope.RECOGNIZE)],
)
async def verify(request: Request) -> VerificationOut:
    """Compare two pictures."""
    service = service_of(request)
    async with uploads.multipart(request, max_files=2) as form:
        pair = [await uploads.picture(form, field, f"{field}_box") for field in ("first", "second")]
    first, second = await while_there(request, service.line.recognize(pair, candidates=1))
    for outcome in (first, second):
        _raise_reject(outcome)
    assert isinstance(first, Recognized)
    assert isinstance(second, Recognized)
    snapshot = service.recognizer.gallery.snapshot()
    verification = await run_in_threadpool(
        verify_features, snapshot, first.features, second.features
    )
    return VerificationOut.model_validate(verification)


@router.post(
    "/feedback",
    openapi_extra=uploads.body(
        image=uploads.one_file("The picture that was recognised."),
        box=dict(uploads.BOX),
        label={"type": "string", "description": "What it shows; left out: none of the classes."},
    ),
    dependencies=[require(Scope.ENROLL)],
)
async def feedback(request: Request) -> FeedbackOut:
    """Say what a picture shows, to confirm or correct the service; it feeds calibration."""
    service = service_of(request)
    async with uploads.multipart(request, max_files=1) as form:
        upload = await uploads.picture(form)
        label = uploads.text(form, "label")
    gallery = service.recognizer.gallery
    if label is not None:
        asked = label
        label = await run_in_threadpool(
            gallery.catalog.ask, lambda read: read.classes.by_label(asked).label
        )
    [outcome] = await while_there(request, service.line.recognize([upload], candidates=1))
    _raise_reject(outcome)
    assert isinstance(outcome, Recognized)
    decision = outcome.decision
    vector = outcome.features.embedding
    noted = await run_in_threadpool(gallery.feedback.note, vector, decision, label)
    audit("feedback noted", label=label, decided=decision.label)
    return FeedbackOut(id=noted, label=label, decided=decision.label, right=label == decision.label)


@router.delete("/feedback/{feedback_id}", status_code=204, dependencies=[require(Scope.ENROLL)])
def take_back(request: Request, feedback_id: Annotated[int, Path(ge=1, le=2**53)]) -> Response:
    """Take back what was said about a picture; it no longer counts."""
    if not service_of(request).recognizer.gallery.feedback.take_back(feedback_id):
        raise ExampleNotFoundError(f"nothing noted has the id {feedback_id}: it was taken back")
    audit("feedback taken back", feedback=feedback_id)
    return Response(status_code=204)


@router.post(
    "/explain",
    openapi_extra=uploads.body(
        image=uploads.one_file("The picture that was recognised."), box=dict(uploads.BOX)
    ),
    dependencies=[require(Scope.RECOGNIZE)],
)
async def explain(request: Request) -> ExplanationOut:
    """Say why a picture is decided as it is: the evidence, and how near other things come."""
    service = service_of(request)
    async with uploads.multipart(request, max_files=1) as form:
        upload = await uploads.picture(form)
    found = await while_there(request, service.line.explain(upload))
    if isinstance(found, Reject):
        raise ImageError(found.source, found.reason)
    both = np.concatenate([found.impostors, found.genuine])
    return ExplanationOut(
        decision=_decision_out(replace(found.decision, source=upload.source)),
        because=found.sentences(),
        impostors=histogram(found.impostors, both),
        genuine=histogram(found.genuine, both),
        matches=None if found.found is None else _matches(found.found),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """The pictures of a request, how many candidates of each it asks for, and its filter."""

    pictures: list[Upload]
    count: int
    where: Filter | None


def _count(form: FormData, field: str) -> int:
    return uploads.number(form, field, default=CANDIDATES, least=1, most=MOST_CANDIDATES)


def _where(form: FormData) -> Filter | None:
    return Filter.parse(uploads.texts(form, "filter"))


async def _recognized(
    request: Request, service: Service, asked: _Asked
) -> list[Recognized | Reject]:
    """What became of the request's pictures."""
    if asked.where is not None:  # what can't be used is told this caller, not all of a batch
        await run_in_threadpool(service.recognizer.gallery.snapshot().narrowed, asked.where)
    recognizing = service.line.recognize(asked.pictures, candidates=asked.count, where=asked.where)
    outcomes = await while_there(request, recognizing)
    if len(outcomes) == 1:
        _raise_reject(outcomes[0])
    return outcomes


def _raise_reject(outcome: object) -> None:
    if isinstance(outcome, Reject):
        raise ImageError(outcome.source, outcome.reason)


def _decision(outcome: Recognized | Reject) -> DecisionOut:
    if isinstance(outcome, Reject):
        return DecisionOut(source=outcome.source, error=outcome.reason)
    return _decision_out(outcome.decision)


def _decision_out(decision: Decision) -> DecisionOut:
    plain = {k: v for k, v in decision.to_json().items() if k != "candidates"}
    return DecisionOut(**plain, candidates=_candidates(decision.candidates))


def _matches(found: FoundEvidence) -> MatchesOut:
    points = found.match.matched
    shown = np.unique(np.linspace(0, len(points) - 1, _MATCHES).astype(np.int64))
    return MatchesOut(
        points=points[shown].round(1).tolist(),
        query_size=found.query_size,
        enrolled_size=found.size,
        score_without=found.score_without,
    )


def _findings(outcome: Findings | Reject) -> FindingsOut:
    if isinstance(outcome, Reject):
        return FindingsOut(source=outcome.source, error=outcome.reason)
    things = [
        FindingOut(
            **{k: v for k, v in finding.to_json().items() if k != "candidates"},
            candidates=_candidates(finding.decision.candidates),
        )
        for finding in outcome
    ]
    return FindingsOut(
        source=outcome.source, width=outcome.width, height=outcome.height, findings=things
    )


def _candidates(candidates: Sequence[Candidate]) -> list[CandidateOut]:
    return [CandidateOut.model_validate(candidate) for candidate in candidates]

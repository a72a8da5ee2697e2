"""Review: queries called unknown, by likeness, to be named once and enrolled together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Path, Request, Response

from ...catalog import normalised_label
from ...catalog.service import KeptQuery
from ...decision.trained_head import TARGET_FAR
from ...errors import ExampleNotFoundError
from ...gallery import Snapshot
from ...gallery.deciding.verifying import pair_threshold
from ...types import FloatArray, KeepPictures, NewExample, Reject
from ..access import require
from ..clusters import clusters
from ..logs import audit
from ..pictures import DONT_KEEP, MEDIA, picture_response
from ..schemas import (
    ForgetIn,
    ForgottenOut,
    KeptQueryOut,
    RejectOut,
    ReviewEnrolIn,
    ReviewEnrolOut,
    ReviewOut,
)
from ..service import Service, service_of
from ..tokens import Scope

router = APIRouter(prefix="/v1/review", tags=["review"])
Id = Annotated[int, Path(ge=1, le=2**53)]
_LIKE = 0.8


@router.get("", dependencies=[require(Scope.ENROLL)])
def review(request: Request) -> ReviewOut:
    """The kept queries, clustered by likeness, the largest cluster first."""
    service = service_of(request)
    kept = _kept(service, None)
    snapshot = service.recognizer.gallery.snapshot()
    groups = clusters(_projected(snapshot, kept), _threshold(snapshot, len(kept))) if kept else []
    labels = snapshot.labels
    return ReviewOut(
        keep_unknown=service.options.keep_unknown,
        total=len(kept),
        clusters=[[_out(kept[row], labels) for row in group] for group in groups],
    )


@router.get(
    "/{query_id}/picture",
    dependencies=[require(Scope.ENROLL)],
    response_class=Response,
    responses=MEDIA,
)
def show_picture(
    request: Request, query_id: Id, size: Literal["full", "thumbnail"] = "full"
) -> Response:
    """The picture of a kept query."""
    service = service_of(request)
    data = service.store.review.picture(query_id)
    if data is None:
        raise ExampleNotFoundError(f"there is no kept query {query_id}; it was erased or enrolled")
    return picture_response(
        request,
        data,
        name=f"query-{query_id}",
        small=service.thumbnails if size == "thumbnail" else None,
        cache=DONT_KEEP,  # an erased picture should be in nobody's browser either
    )


@router.post("/enroll", dependencies=[require(Scope.ENROLL)])
def enroll(request: Request, chosen: ReviewEnrolIn) -> ReviewEnrolOut:
    """Enroll kept queries together under one label; they are kept no longer."""
    service = service_of(request)
    gallery = service.recognizer.gallery
    label = normalised_label(chosen.label)
    kept = _kept(service, chosen.query_ids)
    if not kept:
        raise ExampleNotFoundError("none of those queries is kept any longer; load the page anew")
    examples = [_example(service, query, label) for query in kept]
    outcomes = gallery.enroll(examples)
    rejects = [
        RejectOut(source=outcome.source, reason=outcome.reason)
        for outcome in outcomes
        if isinstance(outcome, Reject)
    ]
    service.store.review.forget(
        [q.id for q, o in zip(kept, outcomes, strict=True) if not isinstance(o, Reject)]
    )
    audit("kept queries enrolled", label=label, enrolled=len(kept) - len(rejects))
    return ReviewEnrolOut(
        label=label,
        class_id=gallery.catalog.ask(lambda read: read.classes.id_of(label)),
        enrolled=len(kept) - len(rejects),
        rejects=rejects,
    )


@router.post("/forget", dependencies=[require(Scope.ENROLL)])
def forget(request: Request, chosen: ForgetIn) -> ForgottenOut:
    """Erase some of the kept queries."""
    return _forgotten(service_of(request), chosen.query_ids)


@router.delete("", dependencies=[require(Scope.ADMIN)])
def forget_all(request: Request) -> ForgottenOut:
    """Erase every kept query."""
    return _forgotten(service_of(request), None)


def _forgotten(service: Service, ids: list[int] | None) -> ForgottenOut:
    forgotten = service.store.review.forget(ids)
    audit("kept queries erased", erased=forgotten)
    return ForgottenOut(forgotten=forgotten)


def _kept(service: Service, ids: list[int] | None) -> list[KeptQuery]:
    return service.store.review.kept(service.recognizer.backbone.space.id, ids)


def _projected(snapshot: Snapshot, kept: list[KeptQuery]) -> FloatArray:
    return snapshot.projection.apply_queries(np.stack([query.vector for query in kept]))


def _threshold(snapshot: Snapshot, pictures: int) -> float:
    """The similarity that a pair of different things would hardly reach among so many pictures."""
    pairs = max(1, pictures * (pictures - 1) // 2)
    found = pair_threshold(snapshot, min(TARGET_FAR, 1 / pairs))
    return _LIKE if found is None else found


def _example(service: Service, query: KeptQuery, label: str) -> NewExample:
    keep = service.recognizer.gallery.catalog.state().keep_pictures
    picture = service.store.review.picture(query.id)
    return NewExample(
        label=label,
        source=query.source,
        content_hash=query.content_hash,
        width=query.width,
        height=query.height,
        vector=query.vector,
        picture=None if keep is KeepPictures.NONE else picture,
    )


def _out(query: KeptQuery, labels: Mapping[int, str]) -> KeptQueryOut:
    return KeptQueryOut(
        id=query.id,
        created_at=query.created_at,
        nearest=None if query.nearest_id is None else labels.get(query.nearest_id),
        nearest_id=query.nearest_id,
        similarity=query.similarity,
        threshold=query.threshold,
    )

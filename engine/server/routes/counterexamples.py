"""Counterexamples: pictures that look like a class and aren't of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response

from ...errors import ExampleNotFoundError, ImageError
from ...types import Counterexample, Reject
from .. import uploads
from ..access import require
from ..logs import audit
from ..pictures import DONT_KEEP, MEDIA, picture_response
from ..presence import to_its_end, while_there
from ..recognition import Upload
from ..schemas import CounterexampleOut, CounterexamplesOut
from ..service import Service, service_of
from ..tokens import Scope

router = APIRouter(prefix="/v1/classes/{class_id}/counterexamples", tags=["classes"])
Id = Annotated[int, Path(ge=1, le=2**53)]


@router.get("", dependencies=[require(Scope.ENROLL)])
def list_counterexamples(request: Request, class_id: Id) -> CounterexamplesOut:
    """The pictures that were said to look like a class and not to be of it."""
    kept = service_of(request).recognizer.gallery.counterexamples.listed(class_id)
    return CounterexamplesOut(counterexamples=[counterexample_out(each) for each in kept])


@router.post(
    "",
    status_code=201,
    dependencies=[require(Scope.ENROLL)],
    openapi_extra=uploads.body(
        image=uploads.one_file("A picture that looks like the class and isn't of it."),
        box=dict(uploads.BOX),
    ),
)
async def reject(request: Request, class_id: Id) -> CounterexampleOut:
    """Say that a picture isn't of a class, which refuses from then on what is near to it."""
    service = service_of(request)
    async with uploads.multipart(request, max_files=1) as form:
        upload = await uploads.picture(form)
    return await while_there(request, _reject_upload(service, class_id, upload))


@router.get(
    "/{counterexample_id}/picture",
    dependencies=[require(Scope.ENROLL)],
    response_class=Response,
    responses=MEDIA,
)
def show_picture(
    request: Request,
    class_id: Id,
    counterexample_id: Id,
    size: Literal["full", "thumbnail"] = "full",
) -> Response:
    """The kept copy of a counterexample's picture."""
    service = service_of(request)
    kept = service.recognizer.gallery.counterexamples
    own = any(each.id == counterexample_id for each in kept.listed(class_id))
    data = kept.picture(counterexample_id) if own else None
    if data is None:
        raise ExampleNotFoundError(
            f"there is no picture of a counterexample {counterexample_id} of that class: it was "
            "taken back, or none is kept"
        )
    return picture_response(
        request,
        data,
        name=f"counterexample-{counterexample_id}",
        small=service.thumbnails if size == "thumbnail" else None,
        cache=DONT_KEEP,  # most were queries
    )


@router.delete("/{counterexample_id}", status_code=204, dependencies=[require(Scope.ENROLL)])
def take_back(request: Request, class_id: Id, counterexample_id: Id) -> Response:
    """Take back that a picture isn't of a class; it is gone for good."""
    gallery = service_of(request).recognizer.gallery
    gallery.counterexamples.remove([counterexample_id], class_id)
    audit("counterexample taken back", class_id=class_id, counterexample_id=counterexample_id)
    return Response(status_code=204)


async def _reject_upload(service: Service, class_id: int, upload: Upload) -> CounterexampleOut:
    def reject() -> CounterexampleOut:
        recognizer = service.recognizer
        gallery = recognizer.gallery
        extractor = replace(recognizer.features, limits=service.served.limits)
        prepared = extractor.prepare_example(upload.image, gallery.catalog.state().keep_pictures)
        [found] = extractor.features([prepared])
        kept = gallery.counterexamples.add(found.example("", upload.source), class_id)
        audit(
            "counterexample noted",
            class_id=class_id,
            label=kept.label,
            counterexample_id=kept.id,
        )
        return counterexample_out(kept)

    size = await service.line.size_of(upload)
    if isinstance(size, Reject):
        raise ImageError(size.source, size.reason)
    with service.line.room.admitted(size):
        async with service.enrolling, service.line.room.decoding(size):
            return await to_its_end(reject)


def counterexample_out(kept: Counterexample) -> CounterexampleOut:
    """A counterexample, as it goes over the wire."""
    return CounterexampleOut(
        id=kept.id,
        class_id=kept.class_id,
        label=kept.label,
        source=kept.source.encode("utf-8", "backslashreplace").decode("utf-8"),
        width=kept.width,
        height=kept.height,
        created_at=kept.created_at,
        has_picture=kept.has_picture,
    )

"""Classes: list, look at, enroll, rename, merge, pin, remove."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from ...catalog import normalised_label
from ...errors import ClassNotFoundError, ServiceError
from ...filtering import Filter
from ...gallery import Gallery, Snapshot
from .. import uploads
from ..access import require
from ..catalog_reading import first_examples, neighbours
from ..enrolling import enroll_shown
from ..listing import Order, Wanted, examples_of_each
from ..logs import audit
from ..presence import while_there
from ..schemas import (
    AttributeOut,
    AttributesOut,
    AttributeValueOut,
    ClassChange,
    ClassDetailOut,
    ClassesIn,
    ClassOut,
    ClassPageOut,
    EnrolmentOut,
    RemovedOut,
)
from ..service import Service, service_of
from ..tokens import Principal, Scope
from .examples import example_out

router = APIRouter(prefix="/v1/classes", tags=["classes"])
PAGE = 100
MOST_STRANGERS = 12
Id = Annotated[int, Path(ge=1, le=2**53)]
Reader = Annotated[Principal, require(Scope.RECOGNIZE)]
Enroller = Annotated[Principal, require(Scope.ENROLL)]
Administrator = Annotated[Principal, require(Scope.ADMIN)]


@router.get("", dependencies=[require(Scope.RECOGNIZE)])
def list_classes(
    request: Request,
    search: Annotated[str, Query(max_length=500)] = "",
    filter: Annotated[list[str] | None, Query(max_length=50)] = None,
    sort: Order = Order.LABEL,
    attribute: Annotated[str | None, Query(max_length=500)] = None,
    after: Annotated[str | None, Query(max_length=500)] = None,
    label: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = PAGE,
) -> ClassPageOut:
    """Classes, a page at a time: all, those that contain `search`, or just `label`.

    `filter`: with these attributes, `kind=mug|cup`; `sort`: in this order, or by `attribute`'s
    values. Where no label contains `search`, those most like it come, and `alike` is true.
    """
    service = service_of(request)
    gallery = service.recognizer.gallery
    snapshot = gallery.snapshot()
    if label is not None:
        return ClassPageOut(classes=[_class_out(gallery, label)], next=None)
    wanted = Wanted(search, Filter.parse(filter or ()), sort, attribute)
    found, more = service.listing.page(snapshot, wanted, after=after, limit=limit)
    classes = _classes_out(snapshot, found.class_ids)
    return ClassPageOut(
        classes=classes, next=classes[-1].label if more else None, alike=found.alike
    )


@router.get("/attributes", dependencies=[require(Scope.RECOGNIZE)])
def list_attributes(request: Request) -> AttributesOut:
    """The attributes that classes have, with their commonest values."""
    service = service_of(request)
    found = service.listing.attributes(service.recognizer.gallery.snapshot())
    return AttributesOut(
        attributes=[
            AttributeOut(
                name=name, values=[AttributeValueOut(value=v, classes=n) for v, n in values]
            )
            for name, values in found.items()
        ]
    )


@router.post("/remove", dependencies=[require(Scope.ADMIN)])
def remove_classes(request: Request, chosen: ClassesIn) -> RemovedOut:
    """Remove several classes with their examples and pictures; those that are gone are passed."""
    gallery = service_of(request).recognizer.gallery
    labels = gallery.snapshot().labels
    removed = 0
    for class_id in dict.fromkeys(chosen.class_ids):
        with suppress(ClassNotFoundError):
            gallery.classes.remove(class_id)
            audit("class removed", class_id=class_id, label=labels.get(class_id))
            removed += 1
    return RemovedOut(removed=removed)


@router.post(
    "",
    status_code=201,
    dependencies=[require(Scope.ENROLL)],
    openapi_extra=uploads.body(
        label={"type": "string", "description": "The class's name.", "x-required": True},
        image=uploads.one_file("A picture of it.") | {"x-required": False},
        box=dict(uploads.BOX),
        text=dict(uploads.TEXT),
        allow_duplicates={"type": "string", "enum": ["true", "false"]},
    ),
)
async def enroll(request: Request) -> EnrolmentOut:
    """Enroll a picture or a text; its class is made if there is none of that label."""
    service = service_of(request)
    async with uploads.multipart(request, max_files=1) as form:
        label = uploads.text(form, "label")
        shown = await uploads.picture_or_text(form)
        allow = uploads.flag(form, "allow_duplicates")
    if label is None:
        raise ServiceError("expected the class's name in the multipart field 'label'")
    label = normalised_label(label)
    return await while_there(request, enroll_shown(service, label, shown, allow_duplicates=allow))


@router.get("/{class_id}")
def show_class(request: Request, class_id: Id, caller: Reader) -> ClassDetailOut:
    """A class with its examples, threshold, confusable neighbours and strangers near it."""
    return _detail(service_of(request), caller, class_id)


@router.patch("/{class_id}")
def change_class(
    request: Request, class_id: Id, change: ClassChange, caller: Enroller
) -> ClassDetailOut:
    """Rename a class, set its attributes, pin its threshold, or with null let it be computed."""
    service = service_of(request)
    gallery = service.recognizer.gallery
    if change.label is not None:
        gallery.classes.rename(class_id, change.label)
        audit("class renamed", class_id=class_id, label=change.label)
    if "pinned_threshold" in change.model_fields_set:
        gallery.classes.pin(class_id, change.pinned_threshold)
        pinned = "computed" if change.pinned_threshold is None else change.pinned_threshold
        audit("threshold pinned", class_id=class_id, threshold=pinned)
    if change.attributes is not None:
        gallery.classes.set_attributes(class_id, change.attributes)
        audit("attributes set", class_id=class_id, attributes=sorted(change.attributes))
    return _detail(service, caller, class_id)


@router.post("/{class_id}/merge")
def merge_classes(
    request: Request, class_id: Id, merge: ClassesIn, caller: Administrator
) -> ClassDetailOut:
    """Move the examples of other classes into this one and remove the others."""
    service = service_of(request)
    gallery = service.recognizer.gallery
    labels = gallery.snapshot().labels
    gallery.classes.merge(merge.class_ids, class_id)
    audit("classes merged", class_id=class_id, label=labels.get(class_id), merged=merge.class_ids)
    return _detail(service, caller, class_id)


@router.delete("/{class_id}", status_code=204, dependencies=[require(Scope.ADMIN)])
def remove_class(request: Request, class_id: Id) -> Response:
    """Remove a class with its examples and their pictures."""
    gallery = service_of(request).recognizer.gallery
    label = gallery.snapshot().labels.get(class_id)
    gallery.classes.remove(class_id)
    audit("class removed", class_id=class_id, label=label)
    return Response(status_code=204)


@router.post(
    "/{class_id}/examples",
    status_code=201,
    dependencies=[require(Scope.ENROLL)],
    openapi_extra=uploads.body(
        image=uploads.one_file("A further picture of the class.") | {"x-required": False},
        box=dict(uploads.BOX),
        text=dict(uploads.TEXT),
        allow_duplicates={"type": "string", "enum": ["true", "false"]},
    ),
)
async def add_example(request: Request, class_id: Id) -> EnrolmentOut:
    """Enroll a further picture of a class, or a text."""
    service = service_of(request)
    async with uploads.multipart(request, max_files=1) as form:
        shown = await uploads.picture_or_text(form)
        allow = uploads.flag(form, "allow_duplicates")
    enrolling = enroll_shown(service, class_id, shown, allow_duplicates=allow)
    return await while_there(request, enrolling)


def _class_out(gallery: Gallery, label: str) -> ClassOut:
    record = gallery.catalog.ask(
        lambda read: read.classes.by_label(label)
    )  # the snapshot may not know it
    return ClassOut(
        id=record.id,
        label=record.label,
        examples=record.examples,
        example_id=first_examples(gallery.snapshot(), [record.id]).get(record.id),
        pinned_threshold=record.pinned_threshold,
        attributes=dict(record.attributes),
    )


def _classes_out(snapshot: Snapshot, class_ids: Sequence[int]) -> list[ClassOut]:
    counts = examples_of_each(snapshot, class_ids)
    first = first_examples(snapshot, class_ids)
    return [
        ClassOut(
            id=class_id,
            label=snapshot.labels[class_id],
            examples=counts.get(class_id, 0),
            example_id=first.get(class_id),
            pinned_threshold=snapshot.pins.get(class_id),
            attributes=snapshot.attributes.of(class_id),
        )
        for class_id in class_ids
    ]


def _detail(service: Service, principal: Principal, class_id: int) -> ClassDetailOut:
    gallery = service.recognizer.gallery
    record = gallery.catalog.ask(lambda read: read.classes.by_id(class_id))
    snapshot = gallery.snapshot()
    threshold = gallery.classes.threshold(class_id)
    keeps = gallery.catalog.state().keep_pictures
    space_id = service.recognizer.backbone.space.id
    may_review = principal.scope >= Scope.ENROLL
    return ClassDetailOut(
        id=record.id,
        label=record.label,
        attributes=dict(record.attributes),
        created_at=record.created_at,
        updated_at=record.updated_at,
        threshold=threshold,
        stranger_rate=gallery.classes.stranger_rate(class_id),
        pinned_threshold=record.pinned_threshold,
        examples=[
            example_out(example, keeps)
            for example in gallery.catalog.ask(lambda read: read.examples.listed(class_id))
        ],
        neighbours=neighbours(snapshot, class_id),
        strangers=(
            service.store.review.near(space_id, class_id, limit=MOST_STRANGERS)
            if may_review
            else []
        ),
    )

"""Examples: one enrolled picture each."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response

from ...errors import ExampleNotFoundError
from ...types import ExampleRecord, KeepPictures
from ..access import require
from ..logs import audit
from ..pictures import MEDIA, picture_response
from ..schemas import ExampleOut
from ..service import service_of
from ..tokens import Scope

router = APIRouter(prefix="/v1/examples", tags=["examples"])
Id = Annotated[int, Path(ge=1, le=2**53)]


@router.get("/{example_id}", dependencies=[require(Scope.RECOGNIZE)])
def show_example(request: Request, example_id: Id) -> ExampleOut:
    """An example, without its picture."""
    catalog = service_of(request).recognizer.gallery.catalog
    found = catalog.ask(lambda read: read.examples.listed(ids=[example_id]))
    if not found:
        raise ExampleNotFoundError(f"there is no example with the id {example_id}")
    return example_out(found[0], catalog.state().keep_pictures)


@router.get(
    "/{example_id}/picture",
    dependencies=[require(Scope.RECOGNIZE)],
    response_class=Response,
    responses=MEDIA,
)
def show_picture(
    request: Request, example_id: Id, size: Literal["full", "thumbnail"] = "full"
) -> Response:
    """The kept copy of an example's picture."""
    service = service_of(request)
    data = service.recognizer.gallery.catalog.picture(example_id)
    if data is None:
        raise ExampleNotFoundError(
            f"there is no picture of an example {example_id}: it was removed, or none is kept"
        )
    return picture_response(
        request,
        data,
        name=f"example-{example_id}",
        small=service.thumbnails if size == "thumbnail" else None,
    )


@router.delete("/{example_id}", status_code=204, dependencies=[require(Scope.ADMIN)])
def remove_example(request: Request, example_id: Id) -> Response:
    """Remove an example; its class stays."""
    service_of(request).recognizer.gallery.examples.remove(example_id)
    audit("example removed", example_id=example_id)
    return Response(status_code=204)


def example_out(example: ExampleRecord, keeps: KeepPictures) -> ExampleOut:
    """An example, as it goes over the wire."""
    return ExampleOut(
        id=example.id,
        class_id=example.class_id,
        label=example.label,
        source=example.source.encode("utf-8", "backslashreplace").decode("utf-8"),
        box=None if example.box is None else example.box.sides,
        text=example.text,
        width=example.width,
        height=example.height,
        created_at=example.created_at,
        warnings=list(example.warnings),
        has_picture=keeps is not KeepPictures.NONE and example.text is None,
    )

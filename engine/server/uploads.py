"""Reads multipart requests: pictures and fields, within the limits."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import cycle
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from ..boxes import Box, boxed_source
from ..errors import ServiceError, SettingsError
from .recognition import Upload

_MAX_NAME = 300
_MAX_FIELDS = 50  # besides a box for each picture


@asynccontextmanager
async def multipart(request: Request, *, max_files: int) -> AsyncIterator[FormData]:
    """The parsed form; its files are gone after the block.

    Raises:
        ServiceError: it is no multipart form.
        TooLargeError: it is beyond the limits.
    """
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        raise ServiceError(f"expected multipart/form-data, but got {kind or 'no content type'!r}")
    try:
        form = await request.form(max_files=max_files, max_fields=_MAX_FIELDS + max_files)
    except HTTPException as error:
        raise ServiceError(f"the multipart form can't be read: {error.detail}") from None
    try:
        yield form
    finally:
        await form.close()


async def pictures(form: FormData, field: str = "images", boxes: str = "box") -> list[Upload]:
    """The pictures of a field, in order, each with its box.

    Args:
        boxes: the field that tells them: none, one for all pictures, or one for each.

    Raises:
        ServiceError: there is none, or the field holds text; or there are several boxes, but not
            one for each picture; or one is no box.
    """
    found = files(form, field)
    try:
        told = [Box.of(given) for given in texts(form, boxes)]
    except SettingsError as error:
        raise ServiceError(f"{boxes}: {error}") from None
    if len(told) not in (0, 1, len(found)):
        raise ServiceError(
            f"expected one box for all pictures, or one for each of the {len(found)}, but got "
            f"{len(told)}"
        )
    each: Iterable[Box | None] = told if len(told) == len(found) else cycle(told or [None])
    return [
        Upload(boxed_source(source_text(file.filename), box), await file.read(), box)
        for file, box in zip(found, each, strict=False)
    ]


async def picture(form: FormData, field: str = "image", box: str = "box") -> Upload:
    """The one picture of a field, with the box that another tells.

    Raises:
        ServiceError: there is none, or more than one.
    """
    found = await pictures(form, field, box)
    if len(found) != 1:
        raise ServiceError(f"expected one picture in the field {field!r}, but got {len(found)}")
    return found[0]


async def picture_or_text(form: FormData) -> Upload | str:
    """The one picture of the field `image`, with its box, or the text that stands in its place.

    Raises:
        ServiceError: there is neither or both, or more than one picture, or a box with a text.
    """
    told = text(form, "text")
    if told is None:
        return await picture(form)
    if form.getlist("image") or text(form, "box") is not None:
        raise ServiceError(
            "expected a picture in the field 'image', with or without a 'box', or a 'text', but "
            "not both"
        )
    return told


def files(form: FormData, field: str) -> list[UploadFile]:
    """The files of a field.

    Raises:
        ServiceError: there is none, or the field holds text.
    """
    entries = form.getlist(field)
    found = [entry for entry in entries if isinstance(entry, UploadFile)]
    if not found or len(found) != len(entries):
        raise ServiceError(f"expected files in the multipart field {field!r}, but found none")
    return found


def text(form: FormData, field: str) -> str | None:
    """The text of a field, or None where it is missing or empty.

    Raises:
        ServiceError: it holds a file.
    """
    value = form.get(field)
    if isinstance(value, UploadFile):
        raise ServiceError(f"expected text in the multipart field {field!r}, but got a file")
    return value or None


def texts(form: FormData, field: str) -> list[str]:
    """The texts of a field, in order.

    Raises:
        ServiceError: one of them is a file.
    """
    found = form.getlist(field)
    if any(isinstance(value, UploadFile) for value in found):
        raise ServiceError(f"expected text in the multipart field {field!r}, but got a file")
    return [str(value) for value in found if value]


def number(form: FormData, field: str, *, default: int, least: int, most: int) -> int:
    """The whole number of a field.

    Raises:
        ServiceError: it is no number in that range.
    """
    value = text(form, field)
    if value is None:
        return default
    if not (value.isascii() and value.isdecimal() and least <= int(value[:9]) <= most):
        raise ServiceError(f"expected a number from {least} to {most} in {field!r}, got {value!r}")
    return int(value)


def flag(form: FormData, field: str, *, default: bool = False) -> bool:
    """Whether a field says `true`; the default where it is missing.

    Raises:
        ServiceError: it says neither `true` nor `false`.
    """
    value = text(form, field)
    if value not in (None, "true", "false"):
        raise ServiceError(f"expected `true` or `false` in {field!r}, but got {value!r}")
    return default if value is None else value == "true"


def file_name(name: str | None) -> str:
    """A sender's file name as one printable line of bounded length."""
    shown = "".join(
        character
        for character in unicodedata.normalize("NFC", name or "")
        if unicodedata.category(character)[0] != "C" and character not in "\u2028\u2029"
    )
    return shown[-_MAX_NAME:] or "picture"


def source_text(name: str | None) -> str:
    """What an uploaded picture is called in the gallery; the angle brackets say: no file here."""
    return f"<upload {file_name(name)}>"


def body(**fields: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI description of a multipart body; a field named in `required` must be there."""
    required = [name for name, schema in fields.items() if schema.pop("x-required", False)]
    schema = {"type": "object", "properties": fields, "required": required}
    return {
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    }


BOX = {
    "type": "string",
    "description": "The part of the picture that is meant: `x0,y0,x1,y1` in pixels of the upright "
    "picture, or in shares of its sides where neither x1 nor y1 is beyond 1.",
}
BOXES = {
    "type": "array",
    "items": {"type": "string"},
    "description": "The part of each picture that is meant, in order, or one for all: "
    "`x0,y0,x1,y1` in pixels of the upright picture, or in shares of its sides where neither x1 "
    "nor y1 is beyond 1.",
}


TEXT = {
    "type": "string",
    "description": "A text in the place of a picture, such as `a red mug`, where the gallery's "
    "backbone is open_clip:MODEL/TAG.",
}


def one_file(description: str) -> dict[str, Any]:
    """The schema of a required file."""
    return {
        "type": "string",
        "format": "binary",
        "description": description,
        "x-required": True,
    }


def many_files(description: str) -> dict[str, Any]:
    """The schema of required files."""
    return {
        "type": "array",
        "minItems": 1,
        "items": {"type": "string", "format": "binary"},
        "description": description,
        "x-required": True,
    }

"""Answers with pictures: of fixed types only, whatever was uploaded, and small ones on demand."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

from fastapi import Request, Response
from PIL import Image

from engine.images.sniff import GIF, JPEG, PNG, WEBP, supported_format

THUMBNAIL = 192
CACHE = "private, max-age=86400"
_TYPES = {JPEG: "image/jpeg", PNG: "image/png", WEBP: "image/webp", GIF: "image/gif"}
MEDIA: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}} for kind in _TYPES.values()
        }
    },
    304: {"description": "Not modified"},
}


def picture_response(
    request: Request, data: bytes, *, name: str, tag: str, thumbnail: bool
) -> Response:
    """A stored picture as an answer.

    Args:
        data: encoded, of any type that can be enrolled.
        name: for whoever saves it, without an ending; from numbers only, never a user's text.
        tag: changes when the picture does.
    """
    etag = f'"{tag}{"-small" if thumbnail else ""}"'
    headers = {"ETag": etag, "Cache-Control": CACHE}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    if thumbnail:
        data = _thumbnail(data)
    kind = supported_format(data)
    if kind not in _TYPES:
        data, kind = _as_png(data), PNG
    media_type = _TYPES[kind]
    headers["Content-Disposition"] = f'inline; filename="{name}.{media_type[6:]}"'
    headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return Response(data, media_type=media_type, headers=headers)


@lru_cache(maxsize=4096)
def _thumbnail(data: bytes) -> bytes:
    if len(data) < 8 * 1024:
        return data
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (2 * THUMBNAIL, 2 * THUMBNAIL))
        if max(image.size) <= THUMBNAIL:
            return data
        small = image.convert("RGBA" if image.has_transparency_data else "RGB")
        small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=82)
    return buffer.getvalue()


def _as_png(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()

"""Answers with pictures: of fixed types only, whatever was uploaded, and small ones on demand."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from typing import Any

from fastapi import Request, Response
from PIL import Image

from ..images import load_image
from ..images.sniff import GIF, JPEG, PNG, WEBP, supported_format

THUMBNAIL = 192
CACHE = "private, max-age=86400"
DONT_KEEP = "no-store"
_TYPES = {JPEG: "image/jpeg", PNG: "image/png", WEBP: "image/webp", GIF: "image/gif"}
MEDIA: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}} for kind in _TYPES.values()
        }
    },
    304: {"description": "Not modified"},
}


class Thumbnails:
    """Small copies of the pictures that were asked for last."""

    _KEPT = 4096

    def __init__(self) -> None:
        self._small: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, tag: str, data: bytes) -> bytes:
        """The small copy of a picture whose tag is its own for ever."""
        with self._lock:
            if tag in self._small:
                self._small.move_to_end(tag)
                return self._small[tag]
        small = _thumbnail(data)
        with self._lock:
            self._small[tag] = small
            if len(self._small) > self._KEPT:
                self._small.popitem(last=False)
        return small


def picture_response(
    request: Request, data: bytes, *, name: str, small: Thumbnails | None, cache: str = CACHE
) -> Response:
    """A stored picture as an answer.

    Args:
        data: encoded, of any type that can be enrolled.
        name: the picture's own for ever; of numbers only, never a user's text. Whoever saves it
            gets a file of that name.
        small: what makes a small copy, if one is wanted.
        cache: for how long the browser may keep it.
    """
    etag = f'"{name}{"-small" if small else ""}"'
    headers = {"ETag": etag, "Cache-Control": cache}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    if small is not None:
        data = small.of(name, data)
    kind = supported_format(data)
    if kind not in _TYPES:
        data, kind = _as_png(data), PNG
    media_type = _TYPES[kind]
    headers["Content-Disposition"] = f'inline; filename="{name}.{media_type[6:]}"'
    headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return Response(data, media_type=media_type, headers=headers)


def _thumbnail(data: bytes) -> bytes:
    if len(data) < 8 * 1024:
        return data
    readable = data if supported_format(data) in _TYPES else _as_png(data)
    with Image.open(io.BytesIO(readable)) as image:
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
    load_image(data).pixels.save(buffer, "PNG")
    return buffer.getvalue()

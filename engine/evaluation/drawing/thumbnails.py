"""Small pictures for a page, inlined: bounded in size whatever they were made of."""

from __future__ import annotations

import base64
import io

from PIL import Image

from ...errors import ImageError
from ...images import ImageSource, load_image

SIDE = 112
_QUALITY = 82


def thumbnail(source: ImageSource | None, side: int = SIDE) -> Image.Image | None:
    """A square picture on white, or None where there is none to show."""
    shrunk = fitted(source, side)
    if shrunk is None:
        return None
    square = Image.new("RGB", (side, side), "white")
    square.paste(shrunk, ((side - shrunk.width) // 2, (side - shrunk.height) // 2))
    return square


def fitted(source: ImageSource | None, side: int) -> Image.Image | None:
    """A picture with that long side, or None where there is none to show."""
    if source is None:
        return None
    try:
        picture = load_image(source).pixels
    except ImageError:
        return None  # it was there when it was embedded; the page does without
    scale = side / max(picture.size)
    width, height = (max(1, round(length * scale)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def data_uri(picture: bytes, kind: str) -> str:
    """Encoded bytes as a URI that carries them; `kind` such as `png`."""
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def thumbnail_uri(source: ImageSource | None) -> str | None:
    """A thumbnail as a URI, or None where there is no picture."""
    picture = thumbnail(source)
    if picture is None:
        return None
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return data_uri(buffer.getvalue(), "jpeg")

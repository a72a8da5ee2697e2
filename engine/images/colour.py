"""Every mode a picture can have -> 8-bit RGB, as a person would see it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..errors import ImageError
from ..types import ByteArray

_DEEP_MODES = ("I", "F")  # and all that start with "I;"
_NARROW = 16  # times that deep levels may fit into their range before they are stretched
_VISIBLE = 256  # times that they fit into it where the eye would see nothing but one level
_FAINT = 239  # at or above it, all of a drawing is white on white

Converted = tuple[Image.Image, tuple[str, ...]]
"""A picture, and what was done to it that one would not expect, one sentence each."""

_ALPHA_MODES = ("RGBA", "LA", "PA", "La", "RGBa")


def to_rgb(image: Image.Image, name: str) -> Converted:
    """The picture as 8-bit RGB.

    Transparency is composited on white, or on black if all of the drawing is white itself.
    Sixteen-bit levels keep their high byte. Modes whose range is not fixed (32-bit integers,
    floats) count as sixteen-bit or 0 to 1 when their values fit, and are stretched from their least
    to their greatest value when not; so are levels that take less than a sixteenth of their range,
    as twelve bits in sixteen do. CMYK and YCbCr are converted by their plain formulas, without
    colour profiles.

    Raises:
        ImageError: its levels are not all finite.
        ValueError: Pillow knows no conversion of the mode.
    """
    if image.mode in _DEEP_MODES or image.mode.startswith("I;"):
        levels, remarks = _eight_bit(np.asarray(image), name)
        return Image.fromarray(levels).convert("RGB"), remarks
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        return _composited(image if image.mode == "RGBA" else image.convert("RGBA"))
    return image.convert("RGB"), ()


def remarks_on_deep(picture: Image.Image) -> tuple[str, ...]:
    """What to say of a picture whose sixteen-bit colours were cut to their high bytes."""
    most = int(np.asarray(picture).max())
    if 0 < most < 256 // _NARROW:
        return ("Its colours take a small part of their sixteen bits, so that it is nearly black.",)
    return ()


def _composited(image: Image.Image) -> Converted:
    alpha = image.getchannel("A")
    least, most = alpha.getextrema()
    if most == 0 and image.format == "BMP":
        return image.convert("RGB"), ()  # many programs leave a BMP's fourth byte unset
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=alpha)
    if least == most or int(np.asarray(white).min()) < _FAINT:
        return white, ()
    black = Image.new("RGB", image.size)
    black.paste(image, mask=alpha)
    return black, ("It is drawn in white on a transparent ground, so that it was put on black.",)


def _eight_bit(levels: npt.NDArray[Any], name: str) -> tuple[ByteArray, tuple[str, ...]]:
    """`(height, width)` levels of any number type -> the same as uint8, and remarks."""
    if not np.isfinite(levels).all():
        raise ImageError(name, "its grey levels are not all finite numbers")
    low, high = float(levels.min()), float(levels.max())
    least, span = low, high - low
    remarks: tuple[str, ...] = ()
    if levels.dtype.kind == "f" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif levels.dtype.kind != "f" and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    if (high - low) / _VISIBLE <= span < (high - low) / _NARROW:
        low, high = least, least + span
        remarks = ("Its grey levels take a small part of their range and were stretched.",)
    elif levels.dtype.kind == "u" and levels.dtype.itemsize == 2:
        high_byte: ByteArray = (levels >> 8).astype(np.uint8)
        return high_byte, ()
    scaled = (levels.astype(np.float32) - low) * (255 / max(high - low, 1e-12))
    rounded: ByteArray = (scaled + 0.5).astype(np.uint8)
    return rounded, remarks

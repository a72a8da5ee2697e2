"""Every mode a picture can have -> 8-bit RGB, transparency composited on white."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.errors import ImageError
from engine.types import ByteArray

_DEEP_MODES = ("I", "F")  # and all that start with "I;"
_ALPHA_MODES = ("RGBA", "LA", "PA", "La", "RGBa")


def to_rgb(image: Image.Image, name: str) -> Image.Image:
    """The picture as 8-bit RGB.

    Transparency is composited on white. Sixteen-bit levels keep their high byte. Modes whose range
    is not fixed (32-bit integers, floats) count as sixteen-bit or 0 to 1 when their values fit, and
    are stretched from their least to their greatest value when not. CMYK and YCbCr are converted by
    their plain formulas, without colour profiles.

    Raises:
        ImageError: its levels are not all finite.
        ValueError: Pillow knows no conversion of the mode.
    """
    if image.mode in _DEEP_MODES or image.mode.startswith("I;"):
        return Image.fromarray(_eight_bit(np.asarray(image), name)).convert("RGB")
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        return _on_white(image if image.mode == "RGBA" else image.convert("RGBA"))
    return image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    alpha = image.getchannel("A")
    if alpha.getextrema() == (0, 0) and image.format == "BMP":
        return image.convert("RGB")  # many programs leave a BMP's fourth byte unset
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=alpha)
    return white


def _eight_bit(levels: npt.NDArray[Any], name: str) -> ByteArray:
    """`(height, width)` levels of any number type -> the same as uint8."""
    if levels.dtype.kind == "u" and levels.dtype.itemsize == 2:
        high_byte: ByteArray = (levels >> 8).astype(np.uint8)
        return high_byte
    if not np.isfinite(levels).all():
        raise ImageError(name, "its grey levels are not all finite numbers")
    low, high = float(levels.min()), float(levels.max())
    if levels.dtype.kind == "f" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif levels.dtype.kind != "f" and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    scaled = (levels.astype(np.float32) - low) * (255 / max(high - low, 1e-12))
    rounded: ByteArray = (scaled + 0.5).astype(np.uint8)
    return rounded

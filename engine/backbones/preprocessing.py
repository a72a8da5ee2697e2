"""What is done to a picture before a network sees it: as data, hashed, and as code."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from PIL import Image

from ..images import DECODE_SHORT_SIDE
from ..types import ByteArray

Fit = Literal["crop", "squash", "between"]

_PROCEDURE = 1  # raised whenever the code below comes to give other pixels for the same parameters


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an upright RGB picture becomes a network's input.

    Two backbones of the same weights but different preprocessing give embeddings that may not be
    compared, so all of this is in the `hash`, how large JPEGs are shrunk while decoding included.

    Attributes:
        image_size: side of the square input, in pixels: the centre of the scaled picture.
        resize: what the picture is scaled to before its centre is cut out, in pixels; at least
            `image_size`.
        fit: `crop` scales the short side to `resize` and keeps the proportions, `squash` scales
            both sides to it; `between` cuts the long side to the geometric mean of both, so that
            half of the proportion is cropped and half of it squashed, and scales as `squash` does.
        interpolation: name of a Pillow resampling filter, lower case.
        mean, std: of each channel, on a scale where white is 1; the runtime subtracts and divides.
        decode_short_side: least short side to which a large JPEG may be shrunk while decoding.
    """

    image_size: int
    resize: int
    fit: Fit = "crop"
    interpolation: str = "bicubic"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    decode_short_side: int = DECODE_SHORT_SIDE

    @property
    def hash(self) -> str:
        """SHA-256 of the parameters as canonical JSON, hex."""
        text = json.dumps({"procedure": _PROCEDURE, **asdict(self)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def prepare(self, image: Image.Image) -> ByteArray:
        """`(image_size, image_size, 3) uint8` from an upright RGB picture. Thread-safe.

        Only what the centre needs is scaled, which gives the pixels that scaling all of it and then
        cropping gives, since the filter reads beyond the box; and a picture of 1 × 20,000 pixels
        never becomes one of 256 × 5,120,000.
        """
        size = (self.image_size, self.image_size)
        resampling = Image.Resampling[self.interpolation.upper()]
        return np.asarray(image.resize(size, resampling, box=self._box(image.width, image.height)))

    def _box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the centre that is kept, in the picture's own pixels."""
        if self.fit == "between":
            mean = math.sqrt(width * height)
            across, down = min(mean, width), min(mean, height)
            kept = self.image_size / self.resize
            left, top = (width - across * kept) / 2, (height - down * kept) / 2
            return (left, top, left + across * kept, top + down * kept)
        if self.fit == "squash":
            scaled = (self.resize, self.resize)
        else:
            short = min(width, height)
            scaled = (self.resize * width // short, self.resize * height // short)
        left, top = (round((side - self.image_size) / 2) for side in scaled)
        across, down = width / scaled[0], height / scaled[1]
        return (
            left * across,
            top * down,
            min((left + self.image_size) * across, width),
            min((top + self.image_size) * down, height),
        )


def decode_side(resize: int) -> int:
    """`decode_short_side` for a network whose pictures are scaled to `resize` pixels: twice that,
    so that what shrinking while decoding loses is lost by the scaling anyway.
    """
    return max(DECODE_SHORT_SIDE, 2 * resize)

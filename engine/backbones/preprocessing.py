"""What is done to a picture before a network sees it: as data, hashed, and as code."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from PIL import Image

from engine.images import DECODE_SHORT_SIDE
from engine.types import ByteArray

Fit = Literal["crop", "squash", "pad"]

_PROCEDURE = 1  # raised whenever the code below comes to give other pixels for the same parameters


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an upright RGB picture becomes a network's input.

    Two backbones of the same weights but different preprocessing give embeddings that may not be
    compared, so all of this is in the `hash`, how large JPEGs are shrunk while decoding included.

    Attributes:
        image_size: side of the square input, in pixels.
        resize: `crop`: the short side is scaled to this before the centre is cut out; at least
            `image_size`. Unused by the other fits.
        fit: `crop` cuts off what is beyond the centre square, `squash` scales both sides to
            `image_size`, `pad` scales the long side to it and fills the rest with the mean colour.
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
        """`(image_size, image_size, 3) uint8` from an upright RGB picture. Thread-safe."""
        side = self.image_size
        resampling = Image.Resampling[self.interpolation.upper()]
        if self.fit == "pad":
            return np.asarray(self._padded(image, resampling))
        box = None if self.fit == "squash" else self._crop_box(image.width, image.height)
        return np.asarray(image.resize((side, side), resampling, box=box))

    def _crop_box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The centre square in the picture's own coordinates.

        Resizing this box alone gives the pixels that resizing the whole picture and then cropping
        gives, since the filter reads beyond the box; and a picture of 1 × 20,000 pixels never
        becomes one of 256 × 5,120,000.
        """
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

    def _padded(self, image: Image.Image, resampling: Image.Resampling) -> Image.Image:
        side = self.image_size
        long = max(image.size)
        width, height = (max(1, round(side * length / long)) for length in image.size)
        red, green, blue = (round(255 * value) for value in self.mean)
        square = Image.new("RGB", (side, side), (red, green, blue))
        resized = image.resize((width, height), resampling)
        square.paste(resized, ((side - width) // 2, (side - height) // 2))
        return square

"""Pictures for tests: what they show is known, so that what becomes of them is too."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

# A picture of four colours, each corner its own, so that any turn or flip shows.
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def corners(width: int = 32, height: int = 16) -> npt.NDArray[np.uint8]:
    """Red top left, green top right, blue bottom left, white bottom right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = RED
    pixels[: height // 2, width // 2 :] = GREEN
    pixels[height // 2 :, : width // 2] = BLUE
    pixels[height // 2 :, width // 2 :] = WHITE
    return pixels


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a file of that kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def corner_colours(image: Image.Image) -> list[tuple[int, ...]]:
    """Colours near the four corners: top left, top right, bottom left, bottom right."""
    right, bottom = image.width - 2, image.height - 2
    pixels = np.asarray(image)
    return [tuple(pixels[y, x]) for x, y in ((1, 1), (right, 1), (1, bottom), (right, bottom))]


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """A picture with much detail."""
    random = np.random.default_rng(seed)
    return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))

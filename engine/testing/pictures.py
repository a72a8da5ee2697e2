"""Pictures for tests: what they show is known, so that what becomes of them is too."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

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


def poster(width: int = 400, height: int = 300, seed: int = 0) -> Image.Image:
    """A picture like a print: a ground with shapes, strokes and letters of many sizes and colours.

    Two seeds share nothing but the manner.
    """
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", (width, height), tuple(random.integers(0, 256, 3).tolist()))
    draw = ImageDraw.Draw(picture)
    for _ in range(60):
        x, y = random.uniform(0, width), random.uniform(0, height)
        across, down = random.uniform(0.02, 0.2, 2) * min(width, height)
        colour = tuple(random.integers(0, 256, 3).tolist())
        kind = random.integers(0, 4)
        if kind == 0:
            draw.ellipse([x, y, x + across, y + down], fill=colour)
        elif kind == 1:
            draw.rectangle([x, y, x + across, y + down], fill=colour)
        elif kind == 2:
            draw.polygon([(x, y), (x + across, y - down), (x - down, y + across)], fill=colour)
        else:
            letters = "".join(chr(random.integers(65, 91)) for _ in range(3))
            draw.text((x, y), letters, fill=colour, font=ImageFont.load_default(across + 8))
    return picture


def seen(
    picture: Image.Image,
    corners: npt.ArrayLike,
    size: tuple[int, int] = (800, 600),
    ground: Image.Image | None = None,
) -> Image.Image:
    """A view of a flat picture whose corners lie at `corners (4, 2)`, clockwise from upper left.

    Args:
        size: width and height of the view.
        ground: what lies behind; a mild grey where there is none.
    """
    frame = [[0, 0], [picture.width, 0], [picture.width, picture.height], [0, picture.height]]
    rows, wanted = [], []
    for (x, y), (u, v) in zip(np.asarray(corners, np.float64), frame, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        wanted += [u, v]
    back = np.linalg.solve(np.array(rows), np.array(wanted))
    warp = (size, Image.Transform.PERSPECTIVE, tuple(back), Image.Resampling.BICUBIC)
    view = (ground or Image.new("RGB", size, (120, 118, 115))).resize(size)
    view.paste(picture.transform(*warp), (0, 0), Image.new("L", picture.size, 255).transform(*warp))
    return view

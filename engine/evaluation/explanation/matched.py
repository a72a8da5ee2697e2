"""The query beside the enrolled picture found in it: the outline, and the points matched."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from ...types import FloatArray
from ..drawing import style
from ..drawing.thumbnails import fitted
from .explain import FoundEvidence

HEIGHT, WIDEST = 560, 760
_GAP = 24
_LINES = 40
"""So many matches are joined by lines, evenly taken; the points of all are drawn."""


def matched(query: Image.Image, found: FoundEvidence, colour: str) -> Image.Image:
    """Both pictures on white; where no copy is kept, a grey one stands for the enrolled picture."""
    left = _within(query)
    kept = fitted(found.picture, max(found.size)) or Image.new("RGB", found.size, style.GRID)
    right = _within(kept)
    canvas = Image.new("RGB", (left.width + _GAP + right.width, max(left.height, right.height)),
                       "white")  # fmt: skip
    aside, down = left.width + _GAP, (canvas.height - right.height) // 2
    canvas.paste(left, (0, (canvas.height - left.height) // 2))
    canvas.paste(right, (aside, down))
    draw = ImageDraw.Draw(canvas)
    lift = np.array([0, (canvas.height - left.height) // 2])
    in_query = _scaled(found.match.matched[:, :2], found.query_size, left.size) + lift
    in_enrolled = _scaled(found.match.matched[:, 2:], found.size, right.size)
    in_enrolled += np.array([aside, down], np.float32)
    joined = np.unique(np.linspace(0, len(in_query) - 1, _LINES).astype(np.int64))
    for row in joined.tolist():
        draw.line([*in_query[row], *in_enrolled[row]], fill=style.BLUE, width=1)
    for x, y in np.concatenate([in_query, in_enrolled]).tolist():
        draw.ellipse([x - 3, y - 3, x + 3, y + 3], outline=style.BLUE, fill="white")
    corners = _scaled(found.match.corners, found.query_size, left.size) + lift
    draw.line([tuple(corner) for corner in [*corners.tolist(), corners[0].tolist()]],
              fill=colour, width=4, joint="curve")  # fmt: skip
    return canvas


def _within(picture: Image.Image) -> Image.Image:
    scale = min(HEIGHT / picture.height, WIDEST / picture.width)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _scaled(places: FloatArray, size: tuple[int, int], shown: tuple[int, int]) -> FloatArray:
    """Places `(n, 2)` of a picture, in pixels of the copy that is shown."""
    factors = np.array([shown[0] / size[0], shown[1] / size[1]], np.float32)
    scaled: FloatArray = places * factors
    return scaled

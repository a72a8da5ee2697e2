"""Findings drawn over a copy of their picture: each outline, and the name beside it."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

from .findings import Finding, Findings
from .images import ImageSource, load_image

LONG_SIDE = 1600
KNOWN, UNKNOWN, INK = "#1a7f4b", "#b7791f", "#ffffff"


def outlined(image: ImageSource, found: Findings) -> bytes:
    """A PNG of at most `LONG_SIDE` pixels.

    Raises:
        ImageError: the picture can't be read any more.
    """
    picture = load_image(image, min_side_hint=LONG_SIDE).pixels.copy()
    picture.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(picture)
    width = max(2, round(max(picture.size) / 250))
    font = ImageFont.load_default(max(12, round(max(picture.size) / 45)))
    scale = picture.width / found.width
    for finding in reversed(found.found):  # the most certain over the others
        corners = [(x * scale, y * scale) for x, y in finding.corners]
        colour = KNOWN if finding.known else UNKNOWN
        draw.line([*corners, corners[0]], fill=colour, width=width, joint="curve")
        _name(draw, finding, corners, font, colour, picture.size)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _name(
    draw: ImageDraw.ImageDraw,
    finding: Finding,
    corners: list[tuple[float, float]],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    colour: str,
    size: tuple[int, int],
) -> None:
    """The label on a ground of the outline's colour, within the picture."""
    text = finding.label or "unknown"
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    across, down = right - left + 8, bottom - top + 8
    x = min(max(min(x for x, _ in corners), 0), max(0, size[0] - across))
    y = min(max(min(y for _, y in corners) - down, 0), max(0, size[1] - down))
    draw.rectangle((x, y, x + across, y + down), fill=colour)
    draw.text((x + 4 - left, y + 4 - top), text, fill=INK, font=font)

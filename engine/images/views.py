"""Other views of one picture, as far as they can be made of it alone.

A real second picture of a thing differs from the first in more than these do, so whatever is
measured on them is an upper bound.
"""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image, ImageEnhance, ImageFilter

_WHITE = (255, 255, 255)


def augmented_views(picture: Image.Image) -> Iterator[Image.Image]:
    """The picture as another camera might see it: turned, cropped, lit and focused differently."""
    yield from placed_views(picture)
    yield from lit_views(picture)


def placed_views(picture: Image.Image) -> Iterator[Image.Image]:
    """The picture turned, cropped and given a margin."""
    width, height = picture.size
    for degrees in (-15, -8, 8, 15):
        yield picture.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=_WHITE)
    for share in (0.06, 0.12, 0.18):
        across, down = round(width * share), round(height * share)
        if min(width - 2 * across, height - 2 * down) >= 1:
            yield picture.crop((across, down, width - across, height - down))
        larger = Image.new("RGB", (width + 2 * across, height + 2 * down), _WHITE)
        larger.paste(picture, (across, down))
        yield larger


def lit_views(picture: Image.Image) -> Iterator[Image.Image]:
    """The picture lit, coloured and focused differently."""
    width, height = picture.size
    for factor in (0.6, 0.8, 1.25, 1.5):
        yield ImageEnhance.Brightness(picture).enhance(factor)
    for factor in (0.6, 1.5):
        yield ImageEnhance.Contrast(picture).enhance(factor)
        yield ImageEnhance.Color(picture).enhance(factor)
    for radius in (0.01, 0.02):
        yield picture.filter(ImageFilter.GaussianBlur(radius * min(width, height)))

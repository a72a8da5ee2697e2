"""Encoded bytes -> upright RGB pixels, with the limits checked before any pixel is decoded."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from engine.errors import ImageError
from engine.images import sniff
from engine.images.colour import to_rgb
from engine.images.orientation import exif_orientation, swaps_sides, upright
from engine.images.source import ImageLimits

DECODE_SHORT_SIDE = 512
"""Large JPEGs are shrunk while decoding, by 2, 4 or 8, with a short side no smaller than this.

It changes embeddings a little (cosine 0.999), so it is a part of every backbone's preprocessing.
"""


class _Jpeg(JpegImageFile):
    def _read_dpi_from_exif(self) -> None:
        """Leaves the EXIF data alone: the resolution isn't needed, and damaged data would warn."""


# Pillow's classes are used directly: `Image.open` would try every format it knows, and warn by its
# own limit, which can only be changed for the whole process.
_FORMATS: dict[str, Callable[[io.BytesIO], ImageFile]] = {
    sniff.JPEG: _Jpeg,
    sniff.PNG: PngImageFile,
    sniff.GIF: GifImageFile,
    sniff.WEBP: WebPImageFile,
    sniff.BMP: BmpImageFile,
    sniff.TIFF: TiffImageFile,
}


def decode(
    data: bytes, name: str, limits: ImageLimits, short_side: int
) -> tuple[Image.Image, tuple[int, int]]:
    """Decodes the first picture of a file.

    Args:
        data: the file's bytes.
        name: of the source, for errors.
        limits: what may be spent.
        short_side: a large JPEG is shrunk while decoding, but its short side stays at least this.

    Returns:
        The upright RGB picture, and the upright (width, height) it had before shrinking.

    Raises:
        ImageError: the bytes are no supported picture, damaged, or beyond the limits.
    """
    with _opened(data, name, limits, short_side) as (kind, file, full):
        # Pillow turns a TIFF upright itself; the others carry EXIF data or nothing.
        orientation = exif_orientation(file.info.get("exif"))
        size = full[::-1] if swaps_sides(orientation) else full
        file.load()
        pixels = upright(to_rgb(file, name), orientation)
        return pixels, size if kind == sniff.JPEG else pixels.size


def decoded_pixels(data: bytes, name: str, limits: ImageLimits, short_side: int) -> int:
    """How many pixels decoding a file holds at a time, by its header; nothing is decoded.

    Args:
        data, name, limits, short_side: as `decode` takes them.

    Raises:
        ImageError: as `decode`, as far as the header shows it.
    """
    with _opened(data, name, limits, short_side) as (_, file, full):
        shrunk = file.size[0] * file.size[1]
        # All scans of a progressive JPEG are gathered at full size before any is shrunk.
        return full[0] * full[1] if file.info.get("progressive") else shrunk


@contextmanager
def _opened(
    data: bytes, name: str, limits: ImageLimits, short_side: int
) -> Iterator[tuple[str, ImageFile, tuple[int, int]]]:
    """A file's format, the file with its header read, and its size before any shrinking."""
    kind = sniff.supported_format(data)
    if kind is None:
        raise ImageError(
            name, f"expected a picture ({sniff.SUPPORTED}) but it looks like {sniff.likeness(data)}"
        )
    try:
        with _FORMATS[kind](io.BytesIO(data)) as file:
            check_pixels(file.size, name, limits)
            full = file.size
            if kind == sniff.JPEG:
                file.draft(None, (short_side, short_side))
            yield kind, file, full
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(name, "there is not enough memory to decode it") from error
    except Exception as error:  # damaged data makes decoders raise nearly anything
        detail = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(
            name, f"its {kind} data is damaged, cut short or of an unsupported kind ({detail})"
        ) from error


def check_pixels(size: tuple[int, int], name: str, limits: ImageLimits) -> None:
    """Raises ImageError if a picture of that (width, height) is empty or beyond the limits."""
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(name, f"it has no pixels ({width} × {height})")
    if width * height > limits.max_pixels:
        raise ImageError(
            name,
            f"it has {width} × {height} pixels, more than the limit of {limits.max_pixels:,}",
        )

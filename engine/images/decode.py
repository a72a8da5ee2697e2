"""Encoded bytes -> upright RGB pixels, with the limits checked before any pixel is decoded."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from ..boxes import Box
from ..errors import ImageError
from . import sniff
from .colour import remarks_on_deep, to_rgb
from .orientation import exif_orientation, orientation_of, swaps_sides, upright
from .quality import is_blank
from .source import ImageLimits

DECODE_SHORT_SIDE = 512
"""Large JPEGs are shrunk while decoding, by 2, 4 or 8, with a short side no smaller than this.

It changes embeddings a little (cosine 0.999), so it is a part of every backbone's preprocessing.
"""


class _Jpeg(JpegImageFile):
    def _read_dpi_from_exif(self) -> None:
        """Leaves the EXIF data alone: the resolution isn't needed, and damaged data would warn."""


class _NoDecoderError(Exception):
    """What reads a format isn't installed; says what to do."""


def _avif(stream: io.BytesIO) -> ImageFile:
    try:
        from PIL import AvifImagePlugin
    except ImportError:
        supported = False
    else:
        supported = bool(AvifImagePlugin.SUPPORTED)
    if not supported:
        raise _NoDecoderError(
            "it is an AVIF picture, which the installed Pillow can't read; install "
            "Pillow 11.3 or later, or save the picture as JPEG"
        )
    return AvifImagePlugin.AvifImageFile(stream)


def _heic(stream: io.BytesIO) -> ImageFile:
    try:
        from pillow_heif import HeifImageFile  # an extra
    except ImportError:
        raise _NoDecoderError(
            "it is a HEIC picture; to read those, run `pip install onelook[heic]`, or save the "
            "picture as JPEG"
        ) from None
    file: ImageFile = HeifImageFile(stream)  # type: ignore[no-untyped-call]
    return file


# Pillow's classes are used directly: `Image.open` would try every format it knows, and warn by its
# own limit, which can only be changed for the whole process.
_FORMATS: dict[str, Callable[[io.BytesIO], ImageFile]] = {
    sniff.JPEG: _Jpeg,
    sniff.PNG: PngImageFile,
    sniff.GIF: GifImageFile,
    sniff.WEBP: WebPImageFile,
    sniff.BMP: BmpImageFile,
    sniff.TIFF: TiffImageFile,
    sniff.AVIF: _avif,
    sniff.HEIC: _heic,
}
Part = tuple[int, int, int, int]
"""Left, top, right and bottom, in upright pixels of a picture at its full size."""

_WITH_FRAMES = frozenset({sniff.GIF, sniff.WEBP, sniff.PNG, sniff.TIFF, sniff.AVIF})
_MOST_FRAMES = 16
"""Frames that are looked at when the first is blank, as those that are faded in are."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded picture.

    Attributes:
        pixels: upright RGB, of the part that was asked for.
        size: the upright (width, height) that the whole had before shrinking.
        part: what was asked for of it, in its upright pixels: left, top, right, bottom.
        remarks: what was done to it that one would not expect, one sentence each.
    """

    pixels: Image.Image
    size: tuple[int, int]
    part: Part
    remarks: tuple[str, ...]


def decode(
    data: bytes, name: str, limits: ImageLimits, short_side: int, box: Box | None = None
) -> Decoded:
    """Decodes the first picture of a file; where that is blank, the first that isn't.

    Args:
        data: the file's bytes.
        name: of the source, for errors.
        limits: what may be spent.
        short_side: a large JPEG is shrunk while decoding, but its short side, or that of the part
            that is asked for, stays at least this.
        box: the part that is asked for.

    Raises:
        ImageError: the bytes are no supported picture, damaged, or beyond the limits; or the box
            doesn't lie in it.
    """
    with _opened(data, name, limits, short_side, box) as (kind, file, full):
        pixels: Image.Image
        remarks: tuple[str, ...]
        deep = file.mode.startswith("RGB") and any(";16" in str(tile) for tile in file.tile)
        file.load()
        if kind == sniff.JPEG and file.mode == "RGB":
            pixels, remarks = file, ()  # has no frame to go on to, so it needs no copy
        else:
            pixels, remarks = to_rgb(file, name)
        if deep and not remarks:
            remarks = remarks_on_deep(pixels)
        if kind in _WITH_FRAMES and is_blank(pixels):
            pixels, remarks = _first_frame_with_content(file, name, limits) or (pixels, remarks)
        # Pillow turns a TIFF upright itself, and pillow-heif a HEIC; the others carry EXIF data,
        # a PNG perhaps behind its pixels, or nothing.
        orientation = _orientation(kind, file)
        pixels = upright(pixels, orientation)
        size = full[::-1] if swaps_sides(orientation) else full
        size = size if kind == sniff.JPEG else pixels.size
        part = part_of(size, name, box)
        return Decoded(cut(pixels, size, part), size, part, remarks)


def part_of(size: tuple[int, int], name: str, box: Box | None) -> Part:
    """What a box is of a picture of that upright size; without one, all of it.

    Raises:
        ImageError: it doesn't lie there.
    """
    return (0, 0, *size) if box is None else box.within(name, *size)


def cut(pixels: Image.Image, size: tuple[int, int], part: Part) -> Image.Image:
    """A part of a picture that was perhaps shrunk.

    Args:
        size: what it was before, in whose pixels the part is told.
    """
    if part == (0, 0, *size):
        return pixels
    across, down = pixels.width / size[0], pixels.height / size[1]
    left, top = math.floor(part[0] * across), math.floor(part[1] * down)
    right, bottom = math.ceil(part[2] * across), math.ceil(part[3] * down)
    return pixels.crop((left, top, min(right, pixels.width), min(bottom, pixels.height)))


def header_size(data: bytes, name: str, limits: ImageLimits) -> tuple[int, int] | None:
    """A picture's upright (width, height) by its file's header; None where that can't tell.

    Raises:
        ImageError: as `decode`, as far as the header shows it.
    """
    with _opened(data, name, limits, DECODE_SHORT_SIDE) as (kind, file, full):
        return _upright(file, full) if kind == sniff.JPEG else None


def _upright(file: ImageFile, full: tuple[int, int]) -> tuple[int, int]:
    """The upright size of a JPEG, whose header tells how it is turned."""
    return full[::-1] if swaps_sides(_orientation(sniff.JPEG, file)) else full


def _orientation(kind: str, file: ImageFile) -> int:
    """How a file's pixels are turned, by its metadata; XMP counts where programs write it."""
    if kind in (sniff.JPEG, sniff.PNG, sniff.WEBP):
        return orientation_of(file.info)
    return exif_orientation(file.info.get("exif"))


def _first_frame_with_content(
    file: ImageFile, name: str, limits: ImageLimits
) -> tuple[Image.Image, tuple[str, ...]] | None:
    """The first of the further frames that isn't blank, if there is one."""
    for frame in range(1, _MOST_FRAMES):
        try:
            file.seek(frame)
        except EOFError:
            return None
        check_pixels(file.size, name, limits)
        file.load()
        pixels, remarks = to_rgb(file, name)
        if not is_blank(pixels):
            told = f"Its first frame is blank, so that frame {frame + 1} was taken."
            return pixels, (told, *remarks)
    return None


def decoded_pixels(
    data: bytes, name: str, limits: ImageLimits, short_side: int, box: Box | None = None
) -> int:
    """How many pixels decoding a file holds at a time, by its header; nothing is decoded.

    Args:
        data, name, limits, short_side, box: as `decode` takes them.

    Raises:
        ImageError: as `decode`, as far as the header shows it.
    """
    with _opened(data, name, limits, short_side, box) as (_, file, full):
        shrunk = file.size[0] * file.size[1]
        # All scans of a progressive JPEG are gathered at full size before any is shrunk.
        return full[0] * full[1] if file.info.get("progressive") else shrunk


@contextmanager
def _opened(
    data: bytes, name: str, limits: ImageLimits, short_side: int, box: Box | None = None
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
                if box is not None:
                    part = part_of(_upright(file, full), name, box)
                    least = max(1, min(part[2] - part[0], part[3] - part[1]))
                    short_side = math.ceil(short_side * min(full) / least)
                file.draft(None, (short_side, short_side))
            yield kind, file, full
    except ImageError:
        raise
    except _NoDecoderError as error:
        raise ImageError(name, str(error)) from None
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

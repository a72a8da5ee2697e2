"""The two entries: loading an image, and hashing one without decoding it."""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image

from ..boxes import Crop
from ..errors import ImageError
from .colour import Converted, to_rgb
from .decode import (
    DECODE_SHORT_SIDE,
    Part,
    check_pixels,
    cut,
    decode,
    decoded_pixels,
    header_size,
    part_of,
)
from .loaded import LoadedImage
from .orientation import orientation_of, upright
from .source import ImageLimits, ImageSource, describe_source, read_encoded

_DEFAULT_LIMITS = ImageLimits()


def load_image(
    source: ImageSource,
    *,
    limits: ImageLimits = _DEFAULT_LIMITS,
    min_side_hint: int = DECODE_SHORT_SIDE,
) -> LoadedImage:
    """Reads, checks and decodes one image; of an animation the first frame.

    Args:
        source: see `ImageSource`. A file object is read from where it stands. A PIL image is
            neither changed nor closed.
        limits: what it may cost.
        min_side_hint: a large JPEG is shrunk while decoding, but its short side stays at least
            this. Pass the backbone's `preprocessing.decode_short_side`.

    Raises:
        ImageError: it can't be read or decoded, or is beyond the limits; or the box of a part
            doesn't lie in it.
    """
    name = describe_source(source)
    source, box = (source.image, source.box) if isinstance(source, Crop) else (source, None)
    if isinstance(source, (Image.Image, np.ndarray)):
        pixels, remarks = _pixels_in_memory(source, name, limits)
        digest, size, data = _pixel_hash(pixels), pixels.size, None
        part = part_of(size, name, box)
        pixels = cut(pixels, size, part)
    else:
        data = read_encoded(source, limits)
        decoded = decode(data, name, limits, min_side_hint, box)
        digest, size, part = hashlib.sha256(data).hexdigest(), decoded.size, decoded.part
        pixels, remarks = decoded.pixels, decoded.remarks
    left, top, right, bottom = part
    return LoadedImage(
        source=name,
        content_hash=_part_hash(digest, part, size),
        width=right - left,
        height=bottom - top,
        pixels=pixels,
        encoded=data if part == (0, 0, *size) else None,
        remarks=remarks,
        corner=(left, top),
        whole=size,
    )


def content_hash(source: ImageSource, *, limits: ImageLimits = _DEFAULT_LIMITS) -> str:
    """The `content_hash` that loading the image would give, without decoding files.

    Of a part, all but JPEGs are decoded, since only their header tells how they are turned.

    Raises:
        ImageError: it can't be read, or is beyond the limits.
    """
    if isinstance(source, Crop):
        return _content_hash_of_part(source, limits)
    if isinstance(source, (Image.Image, np.ndarray)):
        return _pixel_hash(_pixels_in_memory(source, describe_source(source), limits)[0])
    return hashlib.sha256(read_encoded(source, limits)).hexdigest()


def _content_hash_of_part(source: Crop, limits: ImageLimits) -> str:
    if not isinstance(source.image, (Image.Image, np.ndarray)):
        data, name = read_encoded(source.image, limits), describe_source(source)
        size = header_size(data, name, limits)
        if size is not None:
            part = part_of(size, name, source.box)
            return _part_hash(hashlib.sha256(data).hexdigest(), part, size)
        source = Crop(data, source.box)
    return load_image(source, limits=limits).content_hash


def _part_hash(digest: str, part: Part, size: tuple[int, int]) -> str:
    """The content hash of a part of a picture of that content hash and size."""
    if part == (0, 0, *size):
        return digest
    return hashlib.sha256(f"{digest} part {part}\n".encode()).hexdigest()


def decoded_size(
    image: bytes | Crop,
    *,
    limits: ImageLimits = _DEFAULT_LIMITS,
    min_side_hint: int = DECODE_SHORT_SIDE,
) -> int:
    """How many pixels loading a file holds at a time, by its header; nothing is decoded.

    Raises:
        ImageError: it is no picture, or is beyond the limits, as far as its header shows.
    """
    name = describe_source(image)
    data, box = (image.image, image.box) if isinstance(image, Crop) else (image, None)
    return decoded_pixels(read_encoded(data, limits), name, limits, min_side_hint, box)


def _pixels_in_memory(
    source: Image.Image | np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    name: str,
    limits: ImageLimits,
) -> Converted:
    if isinstance(source, np.ndarray):
        if source.ndim != 3 or source.shape[2] != 3 or source.dtype != np.uint8:
            raise ImageError(
                name,
                "expected an array of shape (height, width, 3) and dtype uint8 "
                f"but got shape {source.shape} and dtype {source.dtype}",
            )
        check_pixels((source.shape[1], source.shape[0]), name, limits)
        return Image.fromarray(np.ascontiguousarray(source)), ()
    check_pixels(source.size, name, limits)
    try:
        source.load()
        pixels, remarks = to_rgb(source, name)
        return upright(pixels, orientation_of(source.info)), remarks
    except ImageError:
        raise
    except Exception as error:  # a file opened lazily by Pillow may be damaged in any way
        raise ImageError(name, f"Pillow can't decode it ({error})") from error


def _pixel_hash(image: Image.Image) -> str:
    digest = hashlib.sha256(f"RGB pixels {image.width} {image.height}\n".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()

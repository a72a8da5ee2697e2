"""The two entries: loading an image, and hashing one without decoding it."""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image

from ..errors import ImageError
from .colour import Converted, to_rgb
from .decode import DECODE_SHORT_SIDE, check_pixels, decode, decoded_pixels
from .loaded import LoadedImage
from .orientation import exif_orientation, upright
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
        ImageError: it can't be read or decoded, or is beyond the limits.
    """
    name = describe_source(source)
    if isinstance(source, (Image.Image, np.ndarray)):
        pixels, remarks = _pixels_in_memory(source, name, limits)
        digest, (width, height) = _pixel_hash(pixels), pixels.size
        return LoadedImage(name, digest, width, height, pixels, None, remarks)
    data = read_encoded(source, limits)
    decoded = decode(data, name, limits, min_side_hint)
    digest, (width, height) = hashlib.sha256(data).hexdigest(), decoded.size
    return LoadedImage(name, digest, width, height, decoded.pixels, data, decoded.remarks)


def content_hash(source: ImageSource, *, limits: ImageLimits = _DEFAULT_LIMITS) -> str:
    """The `content_hash` that loading the image would give, without decoding files.

    Raises:
        ImageError: it can't be read, or is beyond the limits.
    """
    if isinstance(source, (Image.Image, np.ndarray)):
        return _pixel_hash(_pixels_in_memory(source, describe_source(source), limits)[0])
    return hashlib.sha256(read_encoded(source, limits)).hexdigest()


def decoded_size(
    data: bytes,
    *,
    limits: ImageLimits = _DEFAULT_LIMITS,
    min_side_hint: int = DECODE_SHORT_SIDE,
) -> int:
    """How many pixels loading a file holds at a time, by its header; nothing is decoded.

    Raises:
        ImageError: it is no picture, or is beyond the limits, as far as its header shows.
    """
    encoded = read_encoded(data, limits)
    return decoded_pixels(encoded, describe_source(data), limits, min_side_hint)


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
        return upright(pixels, exif_orientation(source.info.get("exif"))), remarks
    except ImageError:
        raise
    except Exception as error:  # a file opened lazily by Pillow may be damaged in any way
        raise ImageError(name, f"Pillow can't decode it ({error})") from error


def _pixel_hash(image: Image.Image) -> str:
    digest = hashlib.sha256(f"RGB pixels {image.width} {image.height}\n".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()

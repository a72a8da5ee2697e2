"""Anything a user calls an image -> upright RGB, limits enforced, with a hash of its content.

Every failure is an `ImageError` that names the source and the reason. All of it is thread-safe:
nothing here changes Pillow's or Python's global settings, and no state is kept but how much is held
(`held`).
"""

from __future__ import annotations

from .decode import DECODE_SHORT_SIDE
from .held import HeldPicture
from .load import content_hash, decoded_size, load_image
from .loaded import BOUNDED_LONG_SIDE, LoadedImage
from .source import (
    ImageLimits,
    ImageSource,
    cropped,
    describe_source,
    is_data_url,
    what_it_is_instead,
)

__all__ = [
    "BOUNDED_LONG_SIDE",
    "DECODE_SHORT_SIDE",
    "HeldPicture",
    "ImageLimits",
    "ImageSource",
    "LoadedImage",
    "content_hash",
    "cropped",
    "decoded_size",
    "describe_source",
    "is_data_url",
    "load_image",
    "what_it_is_instead",
]

"""Loading a backbone and preparing pictures for it, as the settings say."""

from __future__ import annotations

from engine.backbones import Backbone, load_backbone
from engine.images import ImageLimits, ImageSource, load_image
from engine.settings import Settings
from engine.types import ByteArray


def load(backbone: str | Backbone, settings: Settings) -> Backbone:
    """A backbone by its name; one that is loaded already is taken as it is.

    Raises:
        BackboneError: it can't be loaded.
    """
    if isinstance(backbone, Backbone):
        return backbone
    return load_backbone(
        backbone,
        device=settings.device,
        runtime=settings.runtime,
        threads=settings.threads,
        cache_dir=settings.cache_dir,
    )


def prepare(backbone: Backbone, image: ImageSource, limits: ImageLimits) -> ByteArray:
    """`(S, S, 3) uint8`: the backbone's input.

    Raises:
        ImageError: the picture can't be read or accepted.
    """
    hint = backbone.preprocessing.decode_short_side
    return backbone.prepare(load_image(image, limits=limits, min_side_hint=hint).pixels)


def limits_of(settings: Settings) -> ImageLimits:
    """How large a picture may be."""
    return ImageLimits(max_bytes=settings.max_image_bytes, max_pixels=settings.max_image_pixels)

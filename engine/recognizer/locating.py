"""Finding several things in one picture: decoded once, its parts embedded in one batch."""

from __future__ import annotations

from PIL import Image

from ..backbones import Backbone
from ..features import FeatureExtractor
from ..findings import Findings
from ..gallery import Snapshot
from ..gallery.deciding.locating import (
    SCENE_LONG_SIDE,
    SCENE_POINTS,
    Place,
    finding_of_whole,
    findings,
    places,
)
from ..images import ImageSource, LoadedImage, load_image
from ..local import LocalQuery, default_extractor, grey_view

LEAST_SIDE = 8


def located(
    snapshot: Snapshot, extractor: FeatureExtractor, image: ImageSource, source: str
) -> Findings:
    """Everything of a gallery that a picture shows; see `Recognizer.locate`.

    Args:
        source: what to call the picture.
    """
    hint = scene_hint(extractor.backbone)
    loaded = load_image(image, limits=extractor.limits, min_side_hint=hint)
    size = (loaded.width, loaded.height)
    found: list[Place] = []
    if len(snapshot.local):
        view = grey_view(loaded.pixels, SCENE_LONG_SIDE)
        features = default_extractor().extract(
            view, long_side=SCENE_LONG_SIDE, points=SCENE_POINTS, size=size
        )
        found = places(snapshot, LocalQuery.of_view(features, view))
    parts = [_part(loaded, place) for place in found] or [loaded.pixels]
    vectors = snapshot.projection.apply_queries(extractor.embedder.embed(parts))
    if found:
        told = findings(snapshot, vectors, found, source, size)
    else:
        closer = extractor.view_of(loaded.pixels, size, local=False)
        told = finding_of_whole(snapshot, vectors[0], closer, source, size)
    return told.moved(*loaded.corner, loaded.whole)


def scene_hint(backbone: Backbone) -> int:
    """The short side that a picture is decoded to at least."""
    return max(backbone.preprocessing.decode_short_side, SCENE_LONG_SIDE)


def _part(loaded: LoadedImage, place: Place) -> Image.Image:
    """The picture within a place's box, as far as that lies in it."""
    width, height = loaded.pixels.size
    scale = (width / loaded.width, height / loaded.height)
    (left, top), (right, bottom) = place.outline.min(axis=0), place.outline.max(axis=0)
    x0, x1 = _span(left * scale[0], right * scale[0], width)
    y0, y1 = _span(top * scale[1], bottom * scale[1], height)
    return loaded.pixels.crop((x0, y0, x1, y1))


def _span(low: float, high: float, length: int) -> tuple[int, int]:
    """Whole pixels from low to high within a side, at least a few."""
    start = min(max(int(low), 0), max(0, length - LEAST_SIDE))
    return start, min(max(round(high), start + LEAST_SIDE), length)

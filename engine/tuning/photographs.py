"""Synthetic photographs of enrolled pictures, to calibrate a gallery on.

Which pictures are taken, and how, depends on their contents alone: so a calibration is the same
whenever and in whatever order the pictures came. Nothing enrolled is in a photograph but the one
picture; its surroundings are procedural, since an enrolled thing in the background would be rightly
recognised and count as a stranger with a high score.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from ..errors import ImageError
from ..features import FeatureExtractor
from ..gallery import Gallery, Snapshot
from ..gallery.deciding.left_out import Photographs
from ..images import LoadedImage, load_image
from ..local import QueryView
from ..synthesis import cut_out, synthesize
from ..types import IntArray

MOST = 96
"""Photographs; on two cores they take some five seconds to make and to embed."""

OF_ONE = 6
"""Photographs of one picture, at most."""

SIZE = 320
_LONGEST = 400


def photographs_of(
    gallery: Gallery, snapshot: Snapshot, extractor: FeatureExtractor
) -> Photographs | None:
    """Photograph a sample of the kept pictures, `MOST` times at most; None if none is kept.

    Args:
        snapshot: the gallery's, with the cohort that the sample is taken of.
    """
    cohort = snapshot.cohort
    examples = cohort.example_ids[: len(cohort) - len(cohort.shipped)]
    if not examples.size:
        return None
    chosen = examples[np.unique(np.linspace(0, examples.size - 1, MOST).astype(np.int64))]
    each = min(OF_ONE, -(-MOST // chosen.size))
    shown: list[int] = []
    views: list[QueryView] = []
    local = len(snapshot.local) > 0

    def made() -> Iterator[Image.Image]:
        for example_id, photograph in _photographed(gallery, chosen, each):
            shown.append(example_id)
            view = extractor.view_of(photograph, photograph.size, local=local)
            views.extend([] if view is None else [view])
            yield photograph

    vectors = extractor.embedder.embed(made())
    if not shown:
        return None
    return Photographs(
        vectors,
        snapshot.examples.classes_of(np.array(shown, np.int64)),
        tuple(views) or None,
    )


def photographs_of_one(picture: LoadedImage, count: int) -> Iterator[Image.Image]:
    """A picture as cameras might take it; its content is the seed."""
    cutout = cut_out(np.asarray(picture.pixels), _LONGEST)
    seed = int(picture.content_hash[:12], 16)
    for number in range(count):
        yield Image.fromarray(synthesize(cutout, seed + number, size=SIZE).pixels)


def _photographed(
    gallery: Gallery, examples: IntArray, each: int
) -> Iterator[tuple[int, Image.Image]]:
    for example_id in examples.tolist():
        picture = gallery.catalog.picture(example_id)
        if picture is None:
            continue
        try:
            loaded = load_image(picture)
        except ImageError:  # a damaged copy, of which `onelook check` tells
            continue
        for photograph in photographs_of_one(loaded, each):
            yield example_id, photograph

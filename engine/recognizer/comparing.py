"""Comparing two pictures without a gallery."""

from __future__ import annotations

import numpy as np

from ..backbones import Backbone
from ..cores import limit_threads
from ..features import load_extractor
from ..gallery import in_each_other
from ..images import ImageSource
from ..projections import Projection, shipped_projection
from ..settings import load_settings
from ..types import Verification


def compare(
    first: ImageSource,
    second: ImageSource,
    *,
    backbone: str | Backbone | None = None,
    device: str | None = None,
    runtime: str | None = None,
) -> Verification:
    """Compare two pictures without a gallery: their similarity, and whether one lies in the other.

    There is no verdict but where local features surely found one in the other.

    Raises:
        ImageError: one of them can't be read or accepted.
        BackboneError: the backbone can't be loaded.
    """
    settings = load_settings(device=device, runtime=runtime)
    limit_threads(settings.threads)
    extractor = load_extractor(backbone or settings.backbone, settings)
    pair = [extractor.prepare_query(image, local=True) for image in (first, second)]
    one, other = extractor.features(pair)
    embeddings = np.stack([one.embedding, other.embedding])
    space = extractor.space
    projection = shipped_projection(space) or Projection.identity(space.dimension)
    a, b = projection.apply_queries(embeddings)
    verification = Verification(float(np.clip(a @ b, -1.0, 1.0)), threshold=None, same=None)
    return verification.with_found(*in_each_other(one, other))

"""Moving a gallery to another backbone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..backbones import Backbone
from ..features import FeatureExtractor, load_extractor
from ..gallery import Gallery
from ..types import Space
from .backbone_in_use import BackboneInUse

if TYPE_CHECKING:
    from ..bulk.reembedding import ReembeddingReport


def moved(
    gallery: Gallery,
    in_use: BackboneInUse,
    space: Space,
    backbone: str | Backbone,
    *,
    may_fetch: bool,
    progress: Callable[[int], None],
) -> ReembeddingReport:
    """Move a gallery to a backbone's space and go on with that backbone.

    It is loaded only where something must be embedded.

    Args:
        may_fetch: whether its weights may be fetched, now and when it is used.
    """
    from ..bulk.reembedding import reembed_gallery  # not needed to recognise

    made: list[FeatureExtractor] = []

    def extractor() -> FeatureExtractor:
        if not made:
            made.append(load_extractor(backbone, in_use.settings, may_fetch=may_fetch))
        return made[0]

    report = reembed_gallery(gallery, space, extractor, progress=progress)
    in_use.change_to(backbone, may_fetch=may_fetch)
    return report

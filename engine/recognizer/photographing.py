"""How a recogniser photographs what it has enrolled, to calibrate on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..gallery import Gallery, Snapshot
from ..gallery.parts.thresholds import Photographer
from .backbone_in_use import BackboneInUse

if TYPE_CHECKING:
    from ..gallery.deciding.left_out import Photographs


def photographer(gallery: Gallery, in_use: BackboneInUse) -> Photographer:
    """Makes photographs of a gallery's pictures when it is called, and loads what that needs."""

    def photograph(snapshot: Snapshot) -> Photographs | None:
        from ..tuning.photographs import photographs_of  # not needed to recognise

        return photographs_of(gallery, snapshot, in_use.extractor)

    return photograph

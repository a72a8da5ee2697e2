"""Moving a gallery to another backbone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.backbones import Backbone
from engine.errors import GalleryError
from engine.features import FeatureExtractor, load_extractor
from engine.recognizer.opened import OpenRecognizer
from engine.types import Space

if TYPE_CHECKING:
    from engine.bulk.reembedding import ReembeddingReport


class Reembedding(OpenRecognizer):
    """Moves its gallery to another backbone, and back."""

    def reembed(
        self, backbone: str | Backbone, *, progress: Callable[[int], None] = lambda _done: None
    ) -> ReembeddingReport:
        """Embed the kept pictures with another backbone and compare by it from now on.

        The gallery is used as it was until all is embedded, and a call that was interrupted goes on
        where it stopped. Then the projection of a fresh gallery is taken, and a calibration made of
        the gallery alone; thresholds set by hand are suspended. The former vectors stay for
        `undo_reembed` until `gallery.spaces.drop_others()`, or until the move after this one.

        This recogniser goes on with the new backbone. Others that have the gallery open raise
        SpaceMismatchError until they are opened again.

        Args:
            backbone: a name, a folder that `onelook train backbone` made, or a loaded backbone.
            progress: called with the number of examples dealt with since its last call.

        Raises:
            GalleryError: the gallery is of that backbone already, or pictures weren't kept.
            BackboneError: it can't be loaded.
        """
        loaded = load_extractor(backbone, self._settings).backbone
        return self._move(loaded.space, loaded, progress, may_fetch=True)

    def undo_reembed(
        self, *, progress: Callable[[int], None] = lambda _done: None
    ) -> ReembeddingReport:
        """Return to the backbone before, with its projection, calibration and pins.

        Only what was enrolled since is embedded, so only then that backbone is loaded.

        Raises:
            GalleryError: there is nothing to return to.
        """
        former = self.gallery.catalog.former_space()
        if former is None:
            raise GalleryError(
                f"{self.gallery.location}: holds no vectors of an earlier backbone to return to"
            )
        return self._move(former, former.backbone, progress, may_fetch=False)

    def _move(
        self,
        space: Space,
        backbone: str | Backbone,
        progress: Callable[[int], None],
        *,
        may_fetch: bool,
    ) -> ReembeddingReport:
        from engine.bulk.reembedding import reembed_gallery  # not needed to recognise

        made: list[FeatureExtractor] = []

        def extractor() -> FeatureExtractor:
            if not made:
                made.append(load_extractor(backbone, self._settings, may_fetch=may_fetch))
            return made[0]

        report = reembed_gallery(self.gallery, space, extractor, progress=progress)
        self._backbone, self._may_fetch = backbone, may_fetch
        self._extractor = None
        return report

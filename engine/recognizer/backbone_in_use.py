"""The backbone a recogniser embeds with: loaded when first used, checked against its gallery."""

from __future__ import annotations

from threading import RLock

from ..backbones import Backbone
from ..errors import SpaceMismatchError
from ..features import FeatureExtractor, load_extractor
from ..forking import in_forked_child
from ..gallery import Gallery, Snapshot
from ..settings import Settings


class BackboneInUse:
    """A gallery's backbone; may be shared by the threads of a process.

    Attributes:
        settings: how it is loaded.
        chosen: its name, or the loaded backbone that was given.
        may_fetch: whether weights that aren't on this machine may be fetched.
    """

    def __init__(
        self, gallery: Gallery, settings: Settings, chosen: str | Backbone, *, may_fetch: bool
    ) -> None:
        self.settings = settings
        self.chosen = chosen
        self.may_fetch = may_fetch
        self._gallery = gallery
        self._extractor: FeatureExtractor | None = None
        self._loading = RLock()
        in_forked_child(self._renew)

    @property
    def extractor(self) -> FeatureExtractor:
        """Turns pictures into what is compared; loaded once, however many threads ask first.

        Raises:
            SpaceMismatchError: the gallery was filled by another backbone.
            BackboneError: it can't be loaded.
        """
        found = self._extractor
        if found is None:
            with self._loading:
                found = self._extractor = self._extractor or self._loaded()
        return found

    def snapshot(self) -> Snapshot:
        """What the gallery decides by, as long as it is of this backbone.

        Raises:
            SpaceMismatchError: the gallery was moved to another one meanwhile.
        """
        snapshot = self._gallery.snapshot()
        loaded = self._extractor
        if loaded is not None and loaded.space.id != snapshot.space.id:
            space = snapshot.space
            raise SpaceMismatchError(
                f"{self._gallery.location}: was re-embedded with {space.backbone!r} (space "
                f"{space.id}) since it was opened with {loaded.backbone.name!r} "
                f"(space {loaded.space.id}); open it again, and restart a service that has it open"
            )
        return snapshot

    @property
    def compares_local(self) -> bool:
        """Whether any example has local features that a query's could be compared with."""
        return len(self._gallery.snapshot().local) > 0

    def change_to(self, backbone: str | Backbone, *, may_fetch: bool) -> None:
        """Go on with another one, which the gallery was moved to."""
        self.chosen, self.may_fetch = backbone, may_fetch
        self._extractor = None

    def _loaded(self) -> FeatureExtractor:
        extractor = load_extractor(self.chosen, self.settings, may_fetch=self.may_fetch)
        loaded = extractor.backbone
        space = self._gallery.catalog.state().space
        if loaded.space.id != space.id:
            raise SpaceMismatchError(
                f"{self._gallery.location}: was filled by {space.backbone!r} "
                f"(space {space.id}), but {loaded.name!r} is space {loaded.space.id}: another "
                "network, other weights or another preprocessing, so similarities would mean "
                f"nothing. Open it with backbone {space.backbone!r}, or move it with "
                "`onelook reembed`."
            )
        return extractor

    def _renew(self) -> None:
        """Whatever another thread was loading, it isn't loaded by this process."""
        self._loading = RLock()

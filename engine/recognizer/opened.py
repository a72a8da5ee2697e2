"""What every part of a recogniser rests on: its gallery, its backbone, its settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Self

from engine.backbones import Backbone
from engine.cores import limit_threads
from engine.errors import SpaceMismatchError
from engine.features import Embedder, FeatureExtractor, load_extractor
from engine.forking import in_forked_child
from engine.gallery import Gallery, Snapshot, parse_location
from engine.settings import Settings, load_settings
from engine.types import KeepPictures


class OpenRecognizer:
    """An open gallery and its backbone; see `Recognizer`."""

    def __init__(
        self,
        gallery: Gallery,
        settings: Settings,
        backbone: str | Backbone,
        *,
        may_fetch: bool = True,
        again: Callable[..., Any] | None = None,
    ) -> None:
        self.gallery = gallery
        self._settings = settings
        self._backbone = backbone
        self._may_fetch = may_fetch
        self._again = again
        self._extractor: FeatureExtractor | None = None
        self._loading = RLock()
        in_forked_child(self._renew)

    def __reduce__(self) -> tuple[Callable[[], Any], tuple[()]]:
        """Pickled by place and settings: another process opens the gallery for itself.

        What it is pickled as holds a database's password, if the URL it was opened by does.
        """
        if self._again is None:
            raise TypeError("only what `Recognizer.open` returned can be pickled")
        named = self._backbone if self._may_fetch else None
        return partial(self._again, backbone=named), ()

    def _renew(self) -> None:
        """Whatever another thread was loading, it isn't loaded by this process."""
        self._loading = RLock()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        create: bool = False,
        read_only: bool = False,
        backbone: str | Backbone | None = None,
        device: str | None = None,
        runtime: str | None = None,
        keep_pictures: KeepPictures | str | None = None,
        index: str | None = None,
    ) -> Self:
        """Open a gallery.

        Args:
            path: the gallery's folder, or a URL such as
                `postgresql+psycopg://user@host/database?schema=name`.
            create: make the gallery if there is none.
            read_only: refuse writes.
            backbone: a name or a loaded backbone; by default the one that filled the gallery, or
                for a new gallery the one the settings name. Weights that aren't on this machine
                are fetched only for a name given here or in the settings: a gallery that a
                stranger made asks no hub.
            device: `auto`, `cpu`, `cuda` or `mps`.
            runtime: `auto`, `torch` or `onnxruntime`.
            keep_pictures: what a new gallery keeps of each picture.
            index: what searches: `faiss` in this process, `pgvector` in the gallery's database, or
                `auto`: FAISS unless the database holds a table for pgvector.

        Raises:
            GalleryNotFoundError: there is no gallery at `path` and `create` is false.
            SpaceMismatchError: the gallery was filled by another backbone than the one asked for.
            BackboneError: the backbone can't be loaded.
            SettingsError: an environment variable or argument can't be used.
        """
        settings = load_settings(
            device=device, runtime=runtime, keep_pictures=keep_pictures, index=index
        )
        limit_threads(settings.threads)
        again = partial(
            cls.open,
            path if "://" in str(path) else Path(path).absolute(),
            read_only=read_only,
            device=settings.device,
            runtime=settings.runtime,
            index=settings.index,
        )
        location = parse_location(path)
        if create and not location.exists:
            location.require_free()
            loaded = load_extractor(backbone or settings.backbone, settings).backbone
            gallery = Gallery.create(
                path,
                space=loaded.space,
                keep_pictures=settings.keep_pictures,
                poll_seconds=settings.poll_seconds,
                index=settings.index,
            )
            return cls(gallery, settings, loaded, again=again)
        gallery = Gallery.open(
            path,
            read_only=read_only,
            poll_seconds=settings.poll_seconds,
            index=settings.index,
        )
        recorded = gallery.catalog.state().space.backbone
        named = backbone is not None or settings.backbone == recorded
        chosen = backbone or recorded
        recognizer = cls(gallery, settings, chosen, may_fetch=named, again=again)
        if backbone is not None and backbone != recorded:
            try:
                _ = recognizer.backbone  # a mismatch is better said now than at the first picture
            except BaseException:
                gallery.close()
                raise
        return recognizer

    def close(self) -> None:
        """Let go of the gallery; what was enrolled is already safe."""
        self.gallery.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def backbone(self) -> Backbone:
        """The backbone, loaded on first use; raises as `features`."""
        return self.features.backbone

    @property
    def embedder(self) -> Embedder:
        """Turns decoded pictures into unit embeddings; raises as `features`. Internal."""
        return self.features.embedder

    @property
    def features(self) -> FeatureExtractor:
        """Turns pictures into what is compared; its backbone is loaded on first use and checked.

        It is loaded once, however many threads ask for it first. Internal: how pictures become
        features may change.

        Raises:
            SpaceMismatchError: the gallery was filled by another backbone.
            BackboneError: it can't be loaded.
        """
        found = self._extractor
        if found is None:
            with self._loading:
                found = self._extractor = self._extractor or self._loaded()
        return found

    def _loaded(self) -> FeatureExtractor:
        extractor = load_extractor(self._backbone, self._settings, may_fetch=self._may_fetch)
        loaded = extractor.backbone
        space = self.gallery.catalog.state().space
        if loaded.space.id != space.id:
            raise SpaceMismatchError(
                f"{self.gallery.location}: was filled by {space.backbone!r} "
                f"(space {space.id}), but {loaded.name!r} is space {loaded.space.id}: another "
                "network, other weights or another preprocessing, so similarities would mean "
                f"nothing. Open it with backbone {space.backbone!r}, or move it with "
                "`onelook reembed`."
            )
        return extractor

    def _snapshot(self) -> Snapshot:
        """What to search, as long as it is of this recogniser's backbone.

        Raises:
            SpaceMismatchError: the gallery was moved to another one meanwhile.
        """
        snapshot = self.gallery.snapshot()
        loaded = self._extractor
        if loaded is not None and loaded.space.id != snapshot.space.id:
            space = snapshot.space
            raise SpaceMismatchError(
                f"{self.gallery.location}: was re-embedded with {space.backbone!r} (space "
                f"{space.id}) since it was opened with {loaded.backbone.name!r} "
                f"(space {loaded.space.id}); open it again, and restart a service that has it open"
            )
        return snapshot

"""The façade: enroll pictures, recognise pictures; thin methods over the layers below."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.backbones import Backbone, load_backbone
from engine.bulk.loading import Loader
from engine.bulk.pipeline import BulkOptions, enroll_items
from engine.bulk.sources import Item, Source, item_of, items, origin
from engine.cores import available_cores
from engine.embedding import Embedder
from engine.errors import ImageError, SpaceMismatchError
from engine.gallery import (
    CANDIDATES,
    Gallery,
    decide_queries,
    parse_location,
    raise_reject,
    verify_embeddings,
)
from engine.images import ImageLimits, ImageSource, describe_source, load_image
from engine.projections import Projection, shipped_projection
from engine.settings import Settings, load_settings
from engine.types import (
    ByteArray,
    Candidate,
    Decision,
    Enrolment,
    EnrolmentReport,
    FloatArray,
    KeepPictures,
    Reject,
    Verification,
)

if TYPE_CHECKING:
    from engine.evaluation.evaluation import Evaluation


class Recognizer:
    """Recognises pictures of the classes enrolled in a gallery.

    Use `Recognizer.open`. An open recogniser may be shared by the threads of a process. Its
    backbone is loaded when the first picture is embedded.
    """

    def __init__(self, gallery: Gallery, settings: Settings, backbone: str | Backbone) -> None:
        self.gallery = gallery
        self._settings = settings
        self._backbone = backbone

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
    ) -> Recognizer:
        """Open a gallery.

        Args:
            path: the gallery's folder, or a URL such as
                `postgresql+psycopg://user@host/database?schema=name`.
            create: make the gallery if there is none.
            read_only: refuse writes.
            backbone: a name or a loaded backbone; by default the one that filled the gallery, or
                for a new gallery the one the settings name.
            device: `auto`, `cpu`, `cuda` or `mps`.
            runtime: `auto`, `torch` or `onnxruntime`.
            keep_pictures: what a new gallery keeps of each picture.

        Raises:
            GalleryNotFoundError: there is no gallery at `path` and `create` is false.
            SpaceMismatchError: the gallery was filled by another backbone than the one asked for.
            BackboneError: the backbone can't be loaded.
            SettingsError: an environment variable or argument can't be used.
        """
        settings = load_settings(device=device, runtime=runtime, keep_pictures=keep_pictures)
        location = parse_location(path)
        if create and not location.exists:
            location.require_free()
            loaded = _load(backbone or settings.backbone, settings)
            gallery = Gallery.create(
                path,
                space=loaded.space,
                keep_pictures=settings.keep_pictures,
                poll_seconds=settings.poll_seconds,
            )
            return cls(gallery, settings, loaded)
        gallery = Gallery.open(path, read_only=read_only, poll_seconds=settings.poll_seconds)
        recorded = gallery.catalog.state().space.backbone
        recognizer = cls(gallery, settings, backbone or recorded)
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

    def __enter__(self) -> Recognizer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @cached_property
    def backbone(self) -> Backbone:
        """The backbone, loaded on first use and checked against the gallery.

        Raises:
            SpaceMismatchError: the gallery was filled by another one.
            BackboneError: it can't be loaded.
        """
        loaded = _load(self._backbone, self._settings)
        space = self.gallery.catalog.state().space
        if loaded.space.id != space.id:
            raise SpaceMismatchError(
                f"{self.gallery.location}: was filled by {space.backbone!r} "
                f"(space {space.id}), but {loaded.name!r} is space {loaded.space.id}: another "
                "network, other weights or another preprocessing, so similarities would mean "
                f"nothing. Open it with backbone {space.backbone!r}, or enroll its pictures into "
                "a new gallery."
            )
        return loaded

    @cached_property
    def embedder(self) -> Embedder:
        """Turns pictures into unit embeddings."""
        return Embedder(self.backbone, batch_size=self._settings.batch_size)

    def enroll(
        self,
        label: str,
        image: ImageSource,
        *,
        attributes: dict[str, object] | None = None,
        allow_duplicates: bool = False,
    ) -> Enrolment:
        """Enroll one example of a class; the class is made if there is none of that label.

        Args:
            image: a path, bytes, a file object, a PIL image or a `(H, W, 3) uint8` array.
            attributes: merged into the class's.
            allow_duplicates: enroll the picture even if another class holds the very same.

        Raises:
            ImageError: the picture can't be read or accepted.
            LabelError: the label is empty or holds control characters.
            DuplicateImageError: another class holds the very same picture.
        """
        item = item_of(label, image, attributes or {})
        prepared = self._loader.prepare(item)
        vector = self.embedder.embed_prepared([prepared.pixels])[0]
        [outcome] = self.gallery.enroll(
            [prepared.example(vector)], allow_duplicates=allow_duplicates
        )
        return raise_reject(outcome)

    def enroll_catalog(
        self,
        source: Source,
        *,
        label: str | None = None,
        stop_on_error: bool = False,
        allow_duplicates: bool = False,
        prune: bool = False,
        ray: str | None = None,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> EnrolmentReport:
        """Enroll everything that a folder, a manifest or an iterable lists.

        Run again, it enrolls only what is new, and replaces examples whose files have changed.

        Args:
            source: a folder, a manifest, or an iterable of `(label, image)`.
            label: the class of every picture; by default each picture's name or row says it.
            stop_on_error: raise at the first bad picture instead of recording and skipping it.
            allow_duplicates: enroll the same picture under several classes.
            prune: remove what an earlier run enrolled from this source and it no longer lists.
            ray: embed on a Ray cluster: `local`, or its address.
            progress: called with the number of pictures dealt with since its last call.

        Raises:
            ImageError, ManifestError: the source, or with `stop_on_error` a picture, is at fault.
            ClusterError: the Ray cluster can't be reached, or failed.
        """
        options = BulkOptions(
            origin=origin(source),
            stop_on_error=stop_on_error,
            allow_duplicates=allow_duplicates,
            prune=prune,
            workers=available_cores(),
        )
        listed = items(source, label=label)
        if ray is not None:
            return self._enroll_on_ray(listed, options, ray, progress)
        return enroll_items(self.gallery, self.embedder, self._loader, listed, options, progress)

    def _enroll_on_ray(
        self,
        listed: Iterable[Item],
        options: BulkOptions,
        address: str,
        progress: Callable[[int], None],
    ) -> EnrolmentReport:
        from engine.bulk.ray_pipeline import ActorPlan, enroll_items_on_ray  # an extra

        state, settings = self.gallery.catalog.state(), self._settings
        chosen = self._backbone
        plan = ActorPlan(
            backbone=chosen if isinstance(chosen, str) else chosen.name,
            space_id=state.space.id,
            device=settings.device,
            runtime=settings.runtime,
            threads=settings.threads or 1,
            cache_dir=settings.cache_dir,
            batch_size=settings.batch_size,
            limits=_limits(settings),
            keep_pictures=state.keep_pictures,
            origin=options.origin,
        )
        return enroll_items_on_ray(
            self.gallery, plan, listed, options, address=address, progress=progress
        )

    def embed(self, images: Iterable[ImageSource]) -> FloatArray:
        """Embed pictures: `(n, dim) float32`, unit rows, before any projection.

        Raises:
            ImageError: one of them can't be read or accepted.
        """
        return self.embedder.embed_prepared([self._prepared(image) for image in images])

    def recognize(self, image: ImageSource, *, candidates: int = CANDIDATES) -> Decision:
        """Decide which class a picture shows, or that it shows none of them.

        Raises:
            ImageError: the picture can't be read or accepted.
        """
        return self.recognize_embeddings(
            self.embed([image]), sources=[describe_source(image)], candidates=candidates
        )[0]

    def recognize_many(
        self, images: Iterable[ImageSource], *, candidates: int = CANDIDATES
    ) -> Iterator[Decision]:
        """Decide for a stream of pictures, lazily, in order, in batches.

        Raises:
            ImageError: a picture can't be read or accepted; `try_recognize_many` goes on instead.
        """
        for outcome in self.try_recognize_many(images, candidates=candidates):
            if isinstance(outcome, Reject):
                raise ImageError(outcome.source, outcome.reason)
            yield outcome

    def try_recognize_many(
        self, images: Iterable[ImageSource], *, candidates: int = CANDIDATES
    ) -> Iterator[Decision | Reject]:
        """Like `recognize_many`, with a `Reject` in the place of a picture that can't be read."""
        stream = iter(images)
        while batch := list(islice(stream, self.embedder.batch_size)):
            prepared = [self._try_prepared(image) for image in batch]
            readable = [row for row in prepared if not isinstance(row, Reject)]
            sources = [
                describe_source(image)
                for image, row in zip(batch, prepared, strict=True)
                if not isinstance(row, Reject)
            ]
            vectors = self.embedder.embed_prepared(readable)
            decisions = iter(
                self.recognize_embeddings(vectors, sources=sources, candidates=candidates)
            )
            for row in prepared:
                yield row if isinstance(row, Reject) else next(decisions)

    def recognize_embeddings(
        self,
        embeddings: FloatArray,
        *,
        sources: Sequence[str] | None = None,
        candidates: int = CANDIDATES,
    ) -> list[Decision]:
        """Decide for pictures that are embedded already.

        Args:
            embeddings: `(n, dim) float32`, unit rows, of this gallery's backbone.
            sources: what the decisions call the queries.
        """
        view = self.gallery.view()
        queries = view.projection.apply_queries(np.ascontiguousarray(embeddings, np.float32))
        names = sources or ["<embedding>"] * len(queries)
        return decide_queries(view, queries, names, candidates)

    def nearest(self, image: ImageSource, k: int = 5) -> list[Candidate]:
        """The k nearest classes, most similar first; similarities are exact.

        Raises:
            ImageError: the picture can't be read or accepted.
            ValueError: `k` is less than 1.
        """
        return self.nearest_embeddings(self.embed([image]), k)[0]

    def nearest_embeddings(self, embeddings: FloatArray, k: int = 5) -> list[list[Candidate]]:
        """The k nearest classes of pictures that are embedded already, `(n, dim) float32`."""
        if k < 1:
            raise ValueError(f"expected k of at least 1, but got {k}")
        view = self.gallery.view()
        queries = view.projection.apply_queries(np.ascontiguousarray(embeddings, np.float32))
        return [list(view.candidates(ranking)) for ranking in view.rank(queries, k)]

    def verify(self, first: ImageSource, second: ImageSource) -> Verification:
        """Compare two pictures: their similarity, and whether they show the same class.

        Raises:
            ImageError: one of them can't be read or accepted.
        """
        vectors = self.embed([first, second])
        view = self.gallery.view()
        queries = view.projection.apply_queries(vectors)
        return verify_embeddings(view, queries[0], queries[1])

    def confirm(self, image: ImageSource, label: str | None) -> Decision:
        """Say what a picture shows; calibration by `calibrate_with_feedback` then counts it.

        Args:
            image: the picture that was, or would be, recognised.
            label: the class it shows, or None: none of them.

        Returns:
            What the gallery says of it now, right or wrong.

        Raises:
            ImageError: the picture can't be read or accepted.
            ClassNotFoundError, LabelError: there is no such class.
        """
        from engine.gallery.feedback import note_feedback  # not needed to recognise

        vectors = self.embed([image])
        [decision] = self.recognize_embeddings(vectors, sources=[describe_source(image)])
        note_feedback(self.gallery, vectors[0], decision, label)
        return decision

    def evaluate(
        self,
        queries: Source,
        unknown: Source | None = None,
        *,
        compare: bool = False,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> Evaluation:
        """Measure how well this gallery recognises pictures whose labels are known.

        Args:
            queries: a folder of label folders, of files named by their labels, a manifest, or an
                iterable of `(label, image)`. Labels that aren't enrolled make strangers.
            unknown: pictures of things that aren't enrolled, whatever they are called. Without
                them, the enrolled classes take turns being unknown.
            compare: put the gallery beside simpler ways of comparing and deciding.
            progress: called with the number of pictures dealt with since its last call.

        Raises:
            EvaluationError: there is too little to measure on.
            ImageError, ManifestError: a source can't be read; single pictures are only counted.
        """
        from engine.evaluation.evaluation import evaluate_gallery  # not needed to recognise

        return evaluate_gallery(
            self.gallery,
            self.embedder,
            self._loader,
            queries,
            unknown,
            comparing=compare,
            progress=progress,
        )

    def calibrate(
        self,
        *,
        target_fpir: float | None = None,
        unknown: Source | None = None,
        queries: Source | None = None,
        unlabelled: bool = False,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> dict[str, Any]:
        """Set the thresholds so that at most a share of all strangers gets any label.

        Args:
            target_fpir: that share, in (0, 1); by default the gallery's present target.
            unknown: pictures of things that aren't enrolled.
            queries: pictures as they will be asked. Those whose labels are enrolled count as
                labelled; if none are, all count as unlabelled.
            unlabelled: count the queries as unlabelled whatever their labels.
            progress: called with the number of pictures dealt with since its last call.

        Returns:
            Method, evidence, target, expected FPIR and TPIR with intervals, date, generation,
            space.

        Raises:
            CalibrationError: the evidence can't carry the target; it is said what would.
            ImageError, ManifestError: a source can't be read; single pictures are only counted.
        """
        from engine.evaluation.calibrating import calibrate_gallery  # not needed to recognise

        return calibrate_gallery(
            self.gallery,
            self.embedder,
            self._loader,
            target_fpir=target_fpir,
            unknown=unknown,
            queries=queries,
            unlabelled=unlabelled,
            progress=progress,
        )

    def adapt(
        self, queries: Source, *, progress: Callable[[int], None] = lambda _done: None
    ) -> dict[str, Any]:
        """Adapt the searched space to where queries sit, if that is better; labels aren't needed.

        `gallery.use_projection(None)` returns to the space of a fresh gallery.

        Returns:
            What the guard measured before and after, and whether the new space was kept.

        Raises:
            CalibrationError: there are too few classes or queries.
        """
        from engine.evaluation.adapting import adapt_gallery  # not needed to recognise
        from engine.evaluation.queries import embed_queries

        found = embed_queries(queries, self.embedder, self._loader, progress)
        return {**adapt_gallery(self.gallery, found.embeddings), "rejects": len(found.rejects)}

    @cached_property
    def _loader(self) -> Loader:
        keep = self.gallery.catalog.state().keep_pictures
        return Loader(self.backbone, _limits(self._settings), keep)

    def _prepared(self, image: ImageSource) -> ByteArray:
        """`(S, S, 3) uint8`: the backbone's input."""
        return _prepare(self.backbone, image, _limits(self._settings))

    def _try_prepared(self, image: ImageSource) -> ByteArray | Reject:
        try:
            return self._prepared(image)
        except ImageError as error:
            return Reject(error.source, error.reason)


def compare(
    first: ImageSource,
    second: ImageSource,
    *,
    backbone: str | Backbone | None = None,
    device: str | None = None,
    runtime: str | None = None,
) -> Verification:
    """Compare two pictures without a gallery: their similarity, and no verdict.

    Raises:
        ImageError: one of them can't be read or accepted.
        BackboneError: the backbone can't be loaded.
    """
    settings = load_settings(device=device, runtime=runtime)
    loaded = _load(backbone or settings.backbone, settings)
    limits = _limits(settings)
    prepared = [_prepare(loaded, image, limits) for image in (first, second)]
    embeddings = Embedder(loaded).embed_prepared(prepared)
    projection = shipped_projection(loaded.space) or Projection.identity(loaded.space.dimension)
    a, b = projection.apply_queries(embeddings)
    return Verification(float(np.clip(a @ b, -1.0, 1.0)), threshold=None, same=None)


def _load(backbone: str | Backbone, settings: Settings) -> Backbone:
    if isinstance(backbone, Backbone):
        return backbone
    return load_backbone(
        backbone,
        device=settings.device,
        runtime=settings.runtime,
        threads=settings.threads,
        cache_dir=settings.cache_dir,
    )


def _prepare(backbone: Backbone, image: ImageSource, limits: ImageLimits) -> ByteArray:
    hint = backbone.preprocessing.decode_short_side
    return backbone.prepare(load_image(image, limits=limits, min_side_hint=hint).pixels)


def _limits(settings: Settings) -> ImageLimits:
    return ImageLimits(max_bytes=settings.max_image_bytes, max_pixels=settings.max_image_pixels)

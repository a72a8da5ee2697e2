"""The façade: enroll pictures, recognise pictures; thin methods over the layers below."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..arguments import checked_count, checked_embeddings
from ..backbones import Backbone, advice_on
from ..boxes import BoxLike
from ..bulk.sources import Source, item_of
from ..cores import limit_threads
from ..errors import BackboneError, GalleryError, ImageError, SettingsError
from ..features import (
    Embedder,
    FeatureExtractor,
    Features,
    embeddings_of,
    load_extractor,
)
from ..filtering import Filter, Where
from ..findings import Findings
from ..gallery import (
    CANDIDATES,
    Gallery,
    Snapshot,
    decide_queries,
    location_of,
    nearest,
    raise_reject,
    verify_features,
)
from ..images import ImageSource, cropped, describe_source
from ..settings import Settings, load_settings
from ..texts import checked_text, require_one
from ..types import (
    Candidate,
    Counterexample,
    Decision,
    Enrolment,
    EnrolmentReport,
    FloatArray,
    KeepPictures,
    Reject,
    Verification,
)
from .backbone_in_use import BackboneInUse
from .enrolling import enroll_source
from .locating import located
from .moving import moved
from .streams import recognized_stream
from .texts import enroll_text
from .together import read_once, rewound, taken_together

if TYPE_CHECKING:
    from ..bulk.reembedding import ReembeddingReport
    from ..evaluation.evaluation import Evaluation
    from ..evaluation.explanation.explain import Explanation
    from ..tuning.heads import HeadReport
    from ..tuning.reports import CalibrationReport, SpaceReport

LOGGER = logging.getLogger(__name__)


class Recognizer:
    """Recognises pictures of the classes enrolled in a gallery.

    Use `Recognizer.open`. An open recogniser may be shared by the threads of a process. Its
    backbone is loaded when the first picture is embedded.

    Attributes:
        gallery: what is enrolled; classes are renamed, merged, removed and pinned there, and
            counterexamples listed and taken back.
    """

    def __init__(
        self,
        gallery: Gallery,
        settings: Settings,
        backbone: str | Backbone,
        *,
        may_fetch: bool = True,
        again: Callable[..., Any] | None = None,
    ) -> None:
        """See `open`; `again` opens the same for another process, which `pickle` asks for."""
        self.gallery = gallery
        gallery.queries.counting = settings.count_queries
        self._in_use = BackboneInUse(gallery, settings, backbone, may_fetch=may_fetch)
        self._again = again

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
        local_features: int | str | None = None,
        count_queries: bool | None = None,
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
            local_features: how many points of local features a new gallery keeps of each picture:
                `none`, `auto` or a number up to 999.
            count_queries: whether to keep count of where queries sit (sums of embeddings, no
                picture); they do unless told otherwise.
            index: what searches: `faiss` in this process, `pgvector` in the gallery's database, or
                `auto`: FAISS unless the database holds a table for pgvector.

        Raises:
            GalleryNotFoundError: there is no gallery at `path` and `create` is false.
            SpaceMismatchError: the gallery was filled by another backbone than the one asked for.
            BackboneError: the backbone can't be loaded.
            SettingsError: an environment variable or argument can't be used.
        """
        settings = load_settings(
            device=device,
            runtime=runtime,
            keep_pictures=keep_pictures,
            index=index,
            local_features=local_features,
            count_queries=count_queries,
        )
        limit_threads(settings.threads)
        location = location_of(path)
        if backbone is not None and not isinstance(backbone, str | Backbone):
            raise BackboneError(
                f"expected a backbone's name or a loaded one, but got {backbone!r:.80}"
            )
        again = partial(
            cls.open,
            path if "://" in str(path) else Path(path).absolute(),
            read_only=read_only,
            device=settings.device,
            runtime=settings.runtime,
            index=settings.index,
            count_queries=settings.count_queries,
        )
        if create and not location.exists:
            location.require_free()
            loaded = load_extractor(backbone or settings.backbone, settings).backbone
            gallery = Gallery.create(
                path,
                space=loaded.space,
                keep_pictures=settings.keep_pictures,
                poll_seconds=settings.poll_seconds,
                index=settings.index,
                local_points=settings.local_features,
            )
            return cls(gallery, settings, loaded, again=again)
        gallery = Gallery.open(
            path,
            read_only=read_only,
            poll_seconds=settings.poll_seconds,
            index=settings.index,
        )
        recorded = gallery.catalog.state().space.backbone
        advice = advice_on(recorded)
        if advice is not None:
            LOGGER.info("%s: %s", gallery.location, advice)
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

    def __reduce__(self) -> tuple[Callable[[], Any], tuple[()]]:
        """Pickled by place and settings: another process opens the gallery for itself.

        What it is pickled as holds a database's password, if the URL it was opened by does.
        """
        if self._again is None:
            raise TypeError("only what `Recognizer.open` returned can be pickled")
        named = self._in_use.chosen if self._in_use.may_fetch else None
        return partial(self._again, backbone=named), ()

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
    def features(self) -> FeatureExtractor:
        """Turns pictures into what is compared; its backbone is loaded on first use and checked.

        It is loaded once, however many threads ask for it first. Internal: how pictures become
        features may change.

        Raises:
            SpaceMismatchError: the gallery was filled by another backbone.
            BackboneError: it can't be loaded.
        """
        return self._in_use.extractor

    @property
    def embedder(self) -> Embedder:
        """Turns decoded pictures into unit embeddings; raises as `features`. Internal."""
        return self.features.embedder

    @property
    def backbone(self) -> Backbone:
        """The backbone, loaded on first use; raises as `features`."""
        return self.features.backbone

    def enroll(
        self,
        label: str,
        image: ImageSource | None = None,
        *,
        text: str | None = None,
        box: BoxLike | None = None,
        attributes: Mapping[str, object] | None = None,
        allow_duplicates: bool = False,
    ) -> Enrolment:
        """Enroll one example of a class; the class is made if there is none of that label.

        Args:
            image: a path, bytes, a file object, a PIL image or a `(H, W, 3) uint8` array.
            text: what the class is called or looks like, such as `a red mug`, in the place of a
                picture, with a backbone `open_clip:MODEL/TAG`.
            box: the part of the picture that shows the class: `(x0, y0, x1, y1)` in pixels of the
                upright picture, or in shares of its sides where none is beyond 1.
            attributes: merged into the class's.
            allow_duplicates: enroll the picture even if another class holds the very same.

        Raises:
            ImageError: the picture can't be read or accepted, or the box doesn't lie in it.
            SettingsError: the box is none, or not one of picture and text was given.
            LabelError: the label is empty or holds control characters.
            DuplicateImageError: another class holds the very same picture or text, or it is a
                counterexample of this one.
            TextError: the text is none, or the gallery's backbone knows pictures only.
        """
        if not (attributes is None or isinstance(attributes, Mapping)):
            raise SettingsError(f"expected attributes by their names, but got {attributes!r:.80}")
        require_one(image, text, box=box)
        if text is not None:
            return enroll_text(
                self.gallery,
                self.embedder,
                label,
                text,
                attributes=attributes,
                allow_duplicates=allow_duplicates,
            )
        assert image is not None
        item = item_of(label, cropped(image, box), attributes or {})
        state, extractor = self.gallery.catalog.state(), self.features
        prepared = extractor.prepare_example(item.image, state.keep_pictures, state.local_points)
        [found] = extractor.features([prepared])
        example = found.example(item.label, item.source, attributes=item.attributes)
        [outcome] = self.gallery.enroll([example], allow_duplicates=allow_duplicates)
        return raise_reject(outcome)

    def reject(
        self, image: ImageSource, label: str, *, box: BoxLike | None = None
    ) -> Counterexample:
        """Say that a picture which looks like a class isn't of it: the class refuses what is near.

        From the next decision on, in every process, a query is refused by the class where its
        distance `1 - cos` to this picture is under half of that to the nearest example; another
        class may win then. `gallery.counterexamples` lists such pictures and takes them back.

        Args:
            image: as `enroll` takes it; kept as examples' pictures are.
            label: the class that it isn't of.
            box: the part of the picture that is meant, as `enroll` takes it.

        Raises:
            ImageError: the picture can't be read or accepted.
            ClassNotFoundError: there is no such class.
            DuplicateImageError: the very picture is enrolled as an example of the class.
        """
        part, extractor = cropped(image, box), self.features
        prepared = extractor.prepare_example(part, self.gallery.catalog.state().keep_pictures)
        [found] = extractor.features([prepared])
        return self.gallery.counterexamples.add(found.example("", describe_source(part)), label)

    def enroll_catalog(
        self,
        source: Source,
        *,
        label: str | None = None,
        stop_on_error: bool = False,
        allow_duplicates: bool = False,
        prune: bool = False,
        ray: str | None = None,
        ray_actors: int | None = None,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> EnrolmentReport:
        """Enroll everything that a folder, a manifest or an iterable lists.

        Run again, it enrolls only what is new, and replaces examples whose files have changed.

        Args:
            source: a folder, a manifest, COCO or YOLO annotations, the address of one in an object
                store such as `s3://bucket/prefix`, or an iterable of `(label, image)`, where an
                image may be `Crop(image, box)`.
            label: the class of every picture; by default each picture's name or row says it.
            stop_on_error: raise at the first bad picture instead of recording and skipping it.
            allow_duplicates: enroll the same picture under several classes.
            prune: remove what an earlier run enrolled from this source and it no longer lists.
            ray: embed on a Ray cluster: `local`, or its address.
            ray_actors: how many embed there at most; by default one a GPU, or a core without any.
            progress: called with the number of pictures dealt with since its last call.

        Raises:
            ImageError, ManifestError: the source, or with `stop_on_error` a picture, is at fault.
            ClusterError: the Ray cluster can't be reached, or failed.
        """
        return enroll_source(
            self.gallery,
            self._in_use,
            source,
            label=label,
            stop_on_error=stop_on_error,
            allow_duplicates=allow_duplicates,
            prune=prune,
            ray=ray,
            ray_actors=ray_actors,
            progress=progress,
        )

    def embed(self, images: Iterable[ImageSource]) -> FloatArray:
        """Embed pictures: `(n, dim) float32`, unit rows, before any projection.

        Raises:
            ImageError: one of them can't be read or accepted.
        """
        return self.features.embed(images)

    def recognize(
        self,
        image: ImageSource,
        *,
        box: BoxLike | None = None,
        candidates: int = CANDIDATES,
        where: Where | None = None,
    ) -> Decision:
        """Decide which class a picture shows, or that it shows none of them.

        Args:
            box: the part of the picture to look at, as `enroll` takes it. Wherever several pictures
                are taken, each may be `Crop(image, box)`.
            where: compare only with classes whose attributes have these values, such as
                `{"shop": "north", "kind": ["mug", "cup"]}`.

        Raises:
            ImageError: the picture can't be read or accepted.
            FilterError: the filter can't be read, or names an attribute that no class has.
        """
        image = cropped(image, box)
        prepared = self.features.prepare_query(image, local=self._in_use.compares_local)
        found = self.features.features([prepared])
        [decision] = self.recognize_features(
            found, [describe_source(image)], candidates=candidates, where=where
        )
        return decision

    def recognize_many(
        self,
        images: Iterable[ImageSource],
        *,
        candidates: int = CANDIDATES,
        where: Where | None = None,
        transductive: bool = False,
    ) -> Iterator[Decision]:
        """Decide for a stream of pictures, lazily, in order, in batches.

        Args:
            where: as `recognize` takes it.
            transductive: decide about all of them together: where they sit as against the catalog
                is taken out of each. They are looked at twice then, the first time before any
                decision; a decision's `calibration` says it, or that they are too few.

        Raises:
            ImageError: a picture can't be read or accepted; `try_recognize_many` goes on instead.
        """
        for outcome in self.try_recognize_many(
            images, candidates=candidates, where=where, transductive=transductive
        ):
            if isinstance(outcome, Reject):
                raise ImageError(outcome.source, outcome.reason)
            yield outcome

    def try_recognize_many(
        self,
        images: Iterable[ImageSource],
        *,
        candidates: int = CANDIDATES,
        where: Where | None = None,
        transductive: bool = False,
    ) -> Iterator[Decision | Reject]:
        """Like `recognize_many`, with a `Reject` in the place of a picture that can't be read."""
        snapshot: Snapshot | None = None
        if transductive:
            images = read_once(images, self.features.limits.max_bytes)
            found = recognized_stream(images, self.features, _embedded, local=None)
            queries = [each for each in found if not isinstance(each, Reject)]
            rewound(images)
            snapshot = taken_together(self.gallery, self._searched(where), queries)
        yield from recognized_stream(
            images,
            self.features,
            lambda found, sources: self._decided(
                snapshot or self._searched(where), found, sources, candidates
            ),
            local=self._in_use.compares_local,
        )

    def recognize_features(
        self,
        features: Sequence[Features],
        sources: Sequence[str],
        *,
        candidates: int = CANDIDATES,
        where: Where | None = None,
    ) -> list[Decision]:
        """Decide for pictures whose features are known. Internal, as `features`.

        Args:
            sources: what the decisions call the queries.
            where: as `recognize` takes it.
        """
        return self._decided(self._searched(where), features, sources, candidates)

    def _decided(
        self,
        snapshot: Snapshot,
        features: Sequence[Features],
        sources: Sequence[str],
        candidates: int,
    ) -> list[Decision]:
        vectors = embeddings_of(features, snapshot.space.dimension)
        self.gallery.queries.note(vectors)
        most = checked_count("candidates", candidates, most=snapshot.classes)
        queries = snapshot.projection.apply_queries(vectors)
        views = [each.view for each in features]
        decisions = decide_queries(snapshot, queries, sources, most, views)
        return [
            decision.moved(*each.facts.corner)
            for each, decision in zip(features, decisions, strict=True)
        ]

    def recognize_embeddings(
        self,
        embeddings: FloatArray,
        *,
        sources: Sequence[str] | None = None,
        candidates: int = CANDIDATES,
        where: Where | None = None,
    ) -> list[Decision]:
        """Decide for pictures that are embedded already.

        Args:
            embeddings: `(n, dim) float32`, unit rows, of this gallery's backbone.
            sources: what the decisions call the queries.
            where: as `recognize` takes it.

        Raises:
            SettingsError: they aren't such embeddings, or `candidates` is less than 1.
            FilterError: the filter can't be used.
        """
        snapshot = self._searched(where)
        vectors = checked_embeddings(embeddings, snapshot.space.dimension)
        names = ["<embedding>"] * len(vectors) if sources is None else sources
        if len(names) != len(vectors):
            raise SettingsError(f"expected {len(vectors)} sources, but got {len(names)}")
        most = checked_count("candidates", candidates, most=snapshot.classes)
        return decide_queries(snapshot, snapshot.projection.apply_queries(vectors), names, most)

    def locate(
        self, image: ImageSource, *, box: BoxLike | None = None, where: Where | None = None
    ) -> Findings:
        """Find everything enrolled that a picture shows, several classes and copies of them.

        By local features; a picture in which they find nothing is recognised as a whole and by its
        middle, as `recognize` does. The share of strangers that may get a label holds for the
        picture, however much is found in it.

        Args:
            box: look at this part of the picture only, as `enroll` takes it; outlines are told in
                the whole picture's pixels all the same.
            where: as `recognize` takes it.

        Returns:
            What was found, most certain first, nothing twice, with a label or unknown each.

        Raises:
            ImageError: the picture can't be read or accepted.
            FilterError: the filter can't be used.
        """
        part = cropped(image, box)
        return located(self._searched(where), self.features, part, source=describe_source(part))

    def nearest(
        self,
        image: ImageSource | None = None,
        k: int = 5,
        *,
        text: str | None = None,
        box: BoxLike | None = None,
        where: Where | None = None,
    ) -> list[Candidate]:
        """The k nearest classes, most similar first; similarities are exact.

        Where pictures and texts are enrolled, whose similarities can't be compared, classes are in
        the order of how far each is from what else of its kind the query is similar to.

        Args:
            text: a text to look up in the place of a picture, with a backbone `open_clip:...`.
            box: the part of the picture to look at, as `enroll` takes it.
            where: as `recognize` takes it.

        Raises:
            ImageError: the picture can't be read or accepted.
            SettingsError: `k` is less than 1, or not one of picture and text was given.
            FilterError: the filter can't be used.
            TextError: the text is none, or the gallery's backbone knows pictures only.
        """
        require_one(image, text, box=box)
        if text is not None:
            vectors = self.embedder.embed_texts([checked_text(text)])
            return self._nearest(vectors, k, where, asked_by_text=True)[0]
        assert image is not None
        return self.nearest_embeddings(self.embed([cropped(image, box)]), k, where=where)[0]

    def nearest_embeddings(
        self, embeddings: FloatArray, k: int = 5, *, where: Where | None = None
    ) -> list[list[Candidate]]:
        """The k nearest classes of pictures that are embedded already, `(n, dim) float32`."""
        return self._nearest(embeddings, k, where, asked_by_text=False)

    def _nearest(
        self, embeddings: FloatArray, k: int, where: Where | None, *, asked_by_text: bool
    ) -> list[list[Candidate]]:
        snapshot = self._searched(where)
        most = checked_count("k", k, most=snapshot.classes)
        vectors = checked_embeddings(embeddings, snapshot.space.dimension)
        project = snapshot.projection
        queries = project.apply(vectors) if asked_by_text else project.apply_queries(vectors)
        rankings = nearest(snapshot, queries, most, asked_by_text=asked_by_text)
        return [list(snapshot.candidates(ranking, most)) for ranking in rankings]

    def _searched(self, where: Where | None) -> Snapshot:
        snapshot = self._in_use.snapshot()
        return snapshot if where is None else snapshot.narrowed(Filter.of(where))

    def verify(self, first: ImageSource, second: ImageSource) -> Verification:
        """Compare two pictures: their similarity, and whether they show the same class.

        Either may be a part of one: `Crop(image, box)`.

        Raises:
            ImageError: one of them can't be read or accepted.
        """
        local = self._in_use.compares_local or None
        pair = [self.features.prepare_query(image, local=local) for image in (first, second)]
        one, other = self.features.features(pair)
        return verify_features(self._in_use.snapshot(), one, other)

    def explain(
        self,
        image: ImageSource,
        *,
        candidates: int = CANDIDATES,
        box: BoxLike | None = None,
    ) -> Explanation:
        """Decide about a picture, and gather what the decision rests on.

        Args:
            box: the part of the picture to look at, as `enroll` takes it.

        Returns:
            The decision and its evidence; `sentences()` say it, `picture()` draws it.

        Raises:
            ImageError: the picture can't be read or accepted.
            SettingsError: `candidates` is less than 1.
        """
        from ..evaluation.explanation.explain import explain  # not needed to recognise

        most = checked_count("candidates", candidates, most=self._in_use.snapshot().classes)
        return explain(self.gallery, self.features, cropped(image, box), most)

    def confirm(
        self, image: ImageSource, label: str | None, *, box: BoxLike | None = None
    ) -> Decision:
        """Say what a picture shows; `calibrate(feedback=True)` then counts it.

        Args:
            image: the picture that was, or would be, recognised.
            label: the class it shows, or None: none of them.
            box: the part of the picture that is meant, as `enroll` takes it.

        Returns:
            What the gallery says of it now, right or wrong.

        Raises:
            ImageError: the picture can't be read or accepted.
            ClassNotFoundError, LabelError: there is no such class.
        """
        image = cropped(image, box)
        prepared = self.features.prepare_query(image, local=self._in_use.compares_local)
        [found] = self.features.features([prepared])
        [decision] = self.recognize_features([found], [describe_source(image)])
        self.gallery.feedback.note(found.embedding, decision, label)
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
        from ..evaluation.evaluation import evaluate_gallery  # not needed to recognise

        return evaluate_gallery(
            self.gallery,
            self.features,
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
        feedback: bool = False,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> CalibrationReport:
        """Set the thresholds so that at most a share of all strangers gets any label.

        Args:
            target_fpir: that share, in (0, 1); by default the gallery's present target.
            unknown: pictures of things that aren't enrolled.
            queries: pictures as they will be asked. Those whose labels are enrolled count as
                labelled; if none are, all count as unlabelled.
            unlabelled: count the queries as unlabelled whatever their labels.
            feedback: count what was said about queries with `confirm` and on the web page, too.
            progress: called with the number of pictures dealt with since its last call.

        Returns:
            Method, evidence, target, expected FPIR and TPIR with intervals, date, generation,
            space.

        Raises:
            CalibrationError: the evidence can't carry the target; it is said what would.
            ImageError, ManifestError: a source can't be read; single pictures are only counted.
        """
        from ..tuning.calibrating import calibrate_gallery  # not needed to recognise

        return calibrate_gallery(
            self.gallery,
            self.features,
            target_fpir=target_fpir,
            unknown=unknown,
            queries=queries,
            unlabelled=unlabelled,
            feedback=feedback,
            progress=progress,
        )

    def recalibrate(self) -> CalibrationReport:
        """Calibrate anew, without more pictures, on the best evidence that is there.

        What people said about queries, where it is enough; else a calibration on pictures that
        were given once stays; else the gallery alone.
        """
        from ..tuning.calibrating import recalibrate_gallery  # not needed to recognise

        return recalibrate_gallery(self.gallery, self.features)

    def adapt(
        self,
        queries: Source | None = None,
        *,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> SpaceReport:
        """Adapt the searched space, if that is better; labels aren't needed.

        The embeddings stay, the index is made anew, thresholds are recalibrated.
        `gallery.spaces.project(None)` returns to the space of a fresh gallery.

        Args:
            queries: pictures as they will be asked; where they sit is learned as well. Without
                them, the space is learned from changed views of the gallery's kept pictures alone.
            progress: called with the number of pictures dealt with since its last call.

        Returns:
            What the guard measured before and after, and whether the new space was kept.

        Raises:
            CalibrationError: there are too few classes, kept pictures or queries.
            ImageError, ManifestError: a source can't be read; single pictures are only counted.
        """
        from ..tuning.adapting import adapt_to_gallery, adapt_to_pictures  # as above

        if queries is None:
            return adapt_to_gallery(self.gallery, self.embedder, progress)
        return adapt_to_pictures(self.gallery, self.features, queries, progress)

    def train_head(
        self,
        data: Source | None = None,
        *,
        activate: bool = False,
        seed: int = 0,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> HeadReport:
        """Train the Siamese head; it is put in force only if it beats cosine on unseen classes.

        Args:
            data: labelled pictures, two or more a class where the class isn't enrolled; read like
                the queries of `evaluate`. Without them, the gallery's own examples and augmented
                views of them, which alone put no head in force.
            activate: put the head in force whatever comes out.
            seed: the same one trains the same head.
            progress: called with the number of pictures dealt with since its last call.

        Returns:
            The figures of cosine and head on held-out classes, with intervals, and the verdict.

        Raises:
            TrainingError: there are too few classes or pictures.
            ImageError, ManifestError: the source can't be read; single pictures are only counted.
        """
        from ..tuning.heads import train_gallery_head  # not needed to recognise

        return train_gallery_head(
            self.gallery,
            self.features,
            data,
            activate=activate,
            seed=seed,
            progress=progress,
        )

    def remove_head(self) -> bool:
        """Take the searched space's Siamese head out of force for good; whether there was one."""
        snapshot = self.gallery.snapshot()
        if snapshot.kept_head is None:
            return False
        self.gallery.heads.use(None, snapshot.space_id)
        return True

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
        loaded = load_extractor(backbone, self._in_use.settings).backbone
        return moved(
            self.gallery, self._in_use, loaded.space, loaded, may_fetch=True, progress=progress
        )

    def undo_reembed(
        self, *, progress: Callable[[int], None] = lambda _done: None
    ) -> ReembeddingReport:
        """Return to the backbone before, with its projection, calibration and pins.

        Only what was enrolled since is embedded, so only then that backbone is loaded.

        Raises:
            GalleryError: there is nothing to return to.
        """
        former = self.gallery.catalog.ask(lambda read: read.spaces.former())
        if former is None:
            raise GalleryError(
                f"{self.gallery.location}: holds no vectors of an earlier backbone to return to"
            )
        return moved(
            self.gallery, self._in_use, former, former.backbone, may_fetch=False, progress=progress
        )


def _embedded(features: Sequence[Features], _sources: Sequence[str]) -> list[FloatArray]:
    return [each.embedding for each in features]

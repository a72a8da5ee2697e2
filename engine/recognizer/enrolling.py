"""Enrolling pictures, singly and in bulk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from engine.bulk.notes import ListingNotes
from engine.bulk.pipeline import BulkOptions, enroll_items
from engine.bulk.remote import RemoteFile, is_remote
from engine.bulk.sources import Item, Source, item_of, items, origin
from engine.cores import thread_limit
from engine.features.extractor import limits_of
from engine.gallery import raise_reject
from engine.images import ImageSource
from engine.recognizer.opened import OpenRecognizer
from engine.types import Enrolment, EnrolmentReport

STORE_READERS = 8
"""Objects read from a store at a time, which is far away."""


class Enrolling(OpenRecognizer):
    """Enrolls pictures."""

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
        keep = self.gallery.catalog.state().keep_pictures
        [found] = self.features.features([self.features.prepare_example(item.image, keep)])
        example = found.example(item.label, item.source, attributes=item.attributes)
        [outcome] = self.gallery.enroll([example], allow_duplicates=allow_duplicates)
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
        ray_actors: int | None = None,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> EnrolmentReport:
        """Enroll everything that a folder, a manifest or an iterable lists.

        Run again, it enrolls only what is new, and replaces examples whose files have changed.

        Args:
            source: a folder, a manifest, the address of one in an object store such as
                `s3://bucket/prefix`, or an iterable of `(label, image)`.
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
        is_store = isinstance(source, str) and is_remote(source)
        store = RemoteFile.at(str(source)) if is_store else None
        options = BulkOptions(
            origin=origin(source),
            stop_on_error=stop_on_error,
            allow_duplicates=allow_duplicates,
            prune=prune,
            workers=thread_limit() if store is None else max(thread_limit(), STORE_READERS),
            store=store,
        )
        notes = ListingNotes()
        listed = items(source, label=label, notes=notes)
        if ray is not None:
            report = self._enroll_on_ray(listed, options, ray, ray_actors, progress)
        else:
            report = enroll_items(self.gallery, self.features, listed, options, progress)
        return replace(
            report,
            passed_over=dict(notes.passed_over),
            empty_folders=tuple(notes.barren),
            remarks=tuple(notes.remarks),
        )

    def _enroll_on_ray(
        self,
        listed: Iterable[Item],
        options: BulkOptions,
        address: str,
        actors: int | None,
        progress: Callable[[int], None],
    ) -> EnrolmentReport:
        from engine.bulk.ray_pipeline import ActorPlan, enroll_items_on_ray  # an extra

        state, settings = self.gallery.catalog.state(), self._settings
        chosen = self._backbone
        plan = ActorPlan(
            backbone=chosen if isinstance(chosen, str) else chosen.name,
            may_fetch=self._may_fetch,
            space_id=state.space.id,
            device=settings.device,
            runtime=settings.runtime,
            threads=settings.threads or 1,
            cache_dir=settings.cache_dir,
            batch_size=settings.batch_size,
            limits=limits_of(settings),
            keep_pictures=state.keep_pictures,
            origin=options.origin,
        )
        return enroll_items_on_ray(
            self.gallery, plan, listed, options, address=address, actors=actors, progress=progress
        )

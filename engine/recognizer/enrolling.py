"""Enrolling a whole source, here or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ..bulk.decoding import FEWEST_WORKERS
from ..bulk.notes import ListingNotes
from ..bulk.pipeline import BulkOptions, enroll_items
from ..bulk.remote import RemoteFile, is_remote
from ..bulk.sources import Item, Source, items, origin
from ..cores import thread_limit
from ..features.extractor import limits_of
from ..gallery import Gallery
from ..types import EnrolmentReport
from .backbone_in_use import BackboneInUse
from .photographing import photographer

STORE_READERS = 8
"""Objects read from a store at a time, which is far away."""


def enroll_source(
    gallery: Gallery,
    in_use: BackboneInUse,
    source: Source,
    *,
    label: str | None,
    stop_on_error: bool,
    allow_duplicates: bool,
    prune: bool,
    ray: str | None,
    ray_actors: int | None,
    progress: Callable[[int], None],
) -> EnrolmentReport:
    """Enroll everything that a source lists; see `Recognizer.enroll_catalog`."""
    is_store = isinstance(source, str) and is_remote(source)
    store = RemoteFile.at(str(source)) if is_store else None
    options = BulkOptions(
        origin=origin(source),
        stop_on_error=stop_on_error,
        allow_duplicates=allow_duplicates,
        prune=prune,
        workers=thread_limit() if store is None else max(thread_limit(), STORE_READERS),
        processes=store is None and thread_limit() >= FEWEST_WORKERS,
        store=store,
        photographer=photographer(gallery, in_use),
    )
    notes = ListingNotes()
    listed = items(source, label=label, notes=notes)
    if ray is not None:
        report = _enroll_on_ray(gallery, in_use, listed, options, ray, ray_actors, progress)
    else:
        report = enroll_items(gallery, in_use.extractor, listed, options, progress)
    return replace(
        report,
        passed_over=dict(notes.passed_over),
        empty_folders=tuple(notes.barren),
        remarks=tuple(notes.remarks),
    )


def _enroll_on_ray(
    gallery: Gallery,
    in_use: BackboneInUse,
    listed: Iterable[Item],
    options: BulkOptions,
    address: str,
    actors: int | None,
    progress: Callable[[int], None],
) -> EnrolmentReport:
    from ..bulk.ray_pipeline import ActorPlan, enroll_items_on_ray  # an extra

    state, settings = gallery.catalog.state(), in_use.settings
    chosen = in_use.chosen
    plan = ActorPlan(
        backbone=chosen if isinstance(chosen, str) else chosen.name,
        may_fetch=in_use.may_fetch,
        space_id=state.space.id,
        device=settings.device,
        runtime=settings.runtime,
        threads=settings.threads or 1,
        cache_dir=settings.cache_dir,
        batch_size=settings.batch_size,
        limits=limits_of(settings),
        keep_pictures=state.keep_pictures,
        local_points=state.local_points,
        origin=options.origin,
    )
    return enroll_items_on_ray(
        gallery, plan, listed, options, address=address, actors=actors, progress=progress
    )

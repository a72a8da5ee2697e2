"""Calibrates a gallery on more evidence than it holds itself: strangers, and queries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..arguments import checked_share
from ..bulk.sources import Source
from ..catalog import Catalog
from ..errors import CalibrationError, SettingsError
from ..features import FeatureExtractor
from ..gallery import Gallery, Snapshot
from ..gallery.deciding.evidence import LEAST_QUERIES, calibrate
from ..playing.matching import comparable
from ..playing.queries import Progress, Queries, embed_queries
from ..playing.set_aside import fingerprints, without_enrolled
from ..types import IntArray
from .photographs import photographs_of
from .reports import CalibrationReport
from .within_class import ADAPTED


def calibrate_gallery(
    gallery: Gallery,
    extractor: FeatureExtractor,
    *,
    target_fpir: float | None = None,
    unknown: Source | None = None,
    queries: Source | None = None,
    unlabelled: bool = False,
    feedback: bool = False,
    progress: Progress = lambda _done: None,
) -> CalibrationReport:
    """Set a gallery's thresholds for a target FPIR; see `Recognizer.calibrate`."""
    target = gallery.snapshot().target_fpir if target_fpir is None else target_fpir
    try:
        target = checked_share("a target FPIR", target)
    except SettingsError as error:
        raise CalibrationError(str(error)) from None
    local = len(gallery.snapshot().local) > 0
    all_asked, all_strangers = (
        _embedded(source, extractor, progress, local=local) for source in (queries, unknown)
    )
    asked = _fit_to_teach(all_asked, gallery.catalog, queries)
    strangers = _fit_to_teach(all_strangers, gallery.catalog, unknown)
    seen = fingerprints(asked) | fingerprints(strangers)
    snapshot = gallery.thresholds.refreshed()
    set_aside = len(all_asked) + len(all_strangers) - len(asked) - len(strangers)
    project = snapshot.projection.apply_queries
    own = np.full(len(asked), -1) if unlabelled else _classes_of(snapshot, asked)
    known = own >= 0
    if known.any():
        strangers = strangers + asked.take(np.flatnonzero(~known).tolist())
    elif 0 < len(asked) < LEAST_QUERIES and not len(strangers):
        raise CalibrationError(
            f"expected at least {LEAST_QUERIES} queries without enrolled labels, "
            f"but got {len(asked)}; give more, or leave them out"
        )
    unknown_vectors = project(strangers.embeddings)
    labelled = project(asked.embeddings[known]), own[known]
    labelled_views = asked.take(np.flatnonzero(known).tolist()).views
    stranger_views = strangers.views
    if feedback:
        said_unknown, said = gallery.feedback.evidence(snapshot)
        if not len(said_unknown) and not len(said[0]):
            raise CalibrationError(
                "nothing was said about queries yet; say what they show on the web page, or with "
                "`Recognizer.confirm`"
            )
        unknown_vectors = np.concatenate([unknown_vectors, said_unknown])
        stranger_views += (None,) * len(said_unknown)
        labelled_views += (None,) * len(said[0])
        labelled = np.concatenate([labelled[0], said[0]]), np.concatenate([labelled[1], said[1]])
    photographs = None
    if not known.any() and not len(labelled[0]):  # how known things score is to be made up
        photographs = photographs_of(gallery, snapshot, extractor)
    calibration = calibrate(
        snapshot,
        generation=snapshot.generation,
        strangers=unknown_vectors,
        labelled=labelled,
        unlabelled=None if known.any() else project(asked.embeddings),
        stranger_views=stranger_views,
        labelled_views=labelled_views,
        unlabelled_views=None if known.any() else asked.views,
        photographs=photographs,
    )
    calibration.require(target)
    if snapshot.projection.kind == ADAPTED:  # the space itself was learned from pictures
        seen |= snapshot.calibration.seen
    calibration = replace(calibration, seen=seen)
    gallery.thresholds.use(calibration, target)
    return CalibrationReport.of(
        calibration,
        target,
        classes=snapshot.classes,
        space=snapshot.space_id,
        enrolled_themselves=set_aside,
        rejects=len(all_asked.rejects) + len(all_strangers.rejects),
    )


def recalibrate_gallery(gallery: Gallery, extractor: FeatureExtractor) -> CalibrationReport:
    """Calibrate anew on the best evidence that needs no more pictures.

    That is what people said about queries, where it is enough. Without it, a calibration on
    pictures that were given stays in force, since the gallery alone knows less; else the gallery
    alone is the evidence.
    """
    try:
        return calibrate_gallery(gallery, extractor, feedback=True)
    except CalibrationError:
        snapshot = gallery.snapshot()
    if snapshot.classes and snapshot.calibration.automatic:
        return calibrate_gallery(gallery, extractor)
    return CalibrationReport.of(
        snapshot.calibration,
        snapshot.target_fpir,
        classes=snapshot.classes,
        space=snapshot.space_id,
        kept=True,
    )


def _embedded(
    source: Source | None, extractor: FeatureExtractor, progress: Progress, *, local: bool
) -> Queries:
    if source is None:
        return Queries((), (), np.empty((0, extractor.space.dimension), np.float32), ())
    found = embed_queries(source, extractor, progress, local=local)
    if not len(found):
        raise CalibrationError(f"{source}: expected pictures, but got none that can be read")
    return found


def _fit_to_teach(pictures: Queries, catalog: Catalog, source: Source | None) -> Queries:
    """Only those that aren't enrolled themselves, of whatever source they are."""
    others = without_enrolled(pictures, catalog)
    if len(pictures) and not len(others):
        raise CalibrationError(
            f"{source}: expected other pictures than the enrolled ones, but all {len(pictures):,} "
            "are enrolled themselves, and show nothing of how new pictures fare"
        )
    return others


def _classes_of(snapshot: Snapshot, queries: Queries) -> IntArray:
    """The ids of the queries' classes; -1 for labels that aren't enrolled."""
    ids = snapshot.class_ids_by_label()
    return np.array([ids.get(comparable(item.label), -1) for item in queries.items], np.int64)

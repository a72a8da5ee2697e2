"""Adapts the searched space without labels; kept only if it is better.

To the gallery alone: what changed views of one enrolled picture differ in counts less, see
`engine.tuning.within_class`, which also judges it.

To queries. They are other pictures than the catalog's: photographs against packshots, one hand
against another. Much of the difference is a shift that all of them share. So the catalog's
embeddings and the queries' are centred apart, each on its own mean (drawn towards the former mean
where there are few), and mapped by the same matrix as before, or by the one learned from views.

The guard needs no labels either. Two halves of the queries take turns: one gives the mean, the
other is recognised in the old and in the new space, both calibrated on the first half to the same
FPIR. With equally many strangers let through, the space that gives more queries a label tells more
known things apart; the new one is kept only if that is it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..bulk.sources import Source
from ..errors import CalibrationError
from ..features import Embedder, FeatureExtractor
from ..gallery import Gallery, Snapshot
from ..gallery.deciding.decisions import query_scores, ranked
from ..gallery.deciding.drawn import drawn_of_kinds
from ..gallery.deciding.evidence import calibrate
from ..gallery.deciding.left_out import calibrate_on_gallery
from ..playing.enrolled import Enrolled
from ..playing.queries import Progress, embed_queries
from ..playing.set_aside import fingerprints, without_enrolled
from ..projections import Projection, shipped_projection
from ..types import FloatArray
from .reports import AdaptedSpaceReport, LearnedSpaceReport
from .within_class import (
    ADAPTED,
    LEAST_CLASSES,
    drawn_mean,
    judged,
    matrix_of,
    views_of,
    within_class_projection,
)

LEAST_QUERIES = 40
_SEED = 7


def adapt_to_gallery(
    gallery: Gallery, embedder: Embedder, progress: Progress = lambda _done: None
) -> LearnedSpaceReport:
    """Learn a searched space from the gallery's own pictures; see `Recognizer.adapt`."""
    snapshot = gallery.snapshot()
    enrolled = Enrolled.of_gallery(gallery)
    views = views_of(gallery, enrolled, embedder, progress)
    base = _fresh(gallery)
    verdict = judged(enrolled, base, views)
    if verdict.better:
        found = within_class_projection(base, enrolled, views)
        seen: frozenset[str] = frozenset()
        if snapshot.projection.shifted:  # where queries sit stays known
            found = Projection(
                ADAPTED, found.mean, matrix_of(found), snapshot.projection.query_mean
            )
            seen = snapshot.calibration.seen
        calibration = calibrate_on_gallery(
            enrolled.snapshot_in(found), generation=snapshot.generation
        )
        gallery.spaces.project(found, replace(calibration, seen=seen))
    return LearnedSpaceReport(
        views=len(views.classes),
        classes=int(np.unique(views.classes).size),
        target_fpir=snapshot.target_fpir,
        tpir_of_views_before=verdict.tpir_before,
        tpir_of_views_after=verdict.tpir_after,
        oscr_of_views_before=verdict.oscr_before,
        oscr_of_views_after=verdict.oscr_after,
        oscr_gain=verdict.oscr_gain,
        adapted=verdict.better,
        searched_space=gallery.snapshot().space_id,
    )


def adapt_to_pictures(
    gallery: Gallery,
    extractor: FeatureExtractor,
    queries: Source,
    progress: Progress = lambda _done: None,
) -> AdaptedSpaceReport:
    """`adapt_to_queries` of pictures yet to be embedded; those that are enrolled are set aside."""
    found = embed_queries(queries, extractor, progress)
    others = without_enrolled(found, gallery.catalog)
    report = adapt_to_queries(
        gallery,
        others.embeddings,
        embedder=extractor.embedder,
        seen=fingerprints(others),
        progress=progress,
    )
    set_aside = len(found) - len(others)
    return replace(report, enrolled_themselves=set_aside, rejects=len(found.rejects))


def adapt_to_queries(
    gallery: Gallery,
    queries: FloatArray,
    *,
    embedder: Embedder | None = None,
    seen: frozenset[str] = frozenset(),
    progress: Progress = lambda _done: None,
) -> AdaptedSpaceReport:
    """Centre a gallery and its queries apart, if that is better; see `Recognizer.adapt`.

    Args:
        queries: `(n, dim) float32`, unit rows, before any projection.
        embedder: for learning from the gallery's kept pictures as well; None does without.
        seen: fingerprints of the queries, so that they are never scored.
    """
    enrolled = Enrolled.of_gallery(gallery)
    if len(enrolled.labels) < 2:
        raise CalibrationError(
            f"expected a gallery of at least 2 classes to adapt, but got {len(enrolled.labels)}"
        )
    if len(queries) < LEAST_QUERIES:
        raise CalibrationError(
            f"expected at least {LEAST_QUERIES} unlabelled queries to adapt to, but got "
            f"{len(queries)}; give more, or none, to learn from the gallery alone"
        )
    bases = [enrolled.snapshot.projection]
    if embedder is not None and (learned := _learned(gallery, enrolled, embedder, progress)):
        bases.append(learned)
    before = _guarded(queries, lambda _seen: enrolled.snapshot)
    after = [_guarded(queries, _adapter(enrolled, base)) for base in bases]
    best = int(np.argmax(after))
    adapted = after[best] > before
    if adapted:
        snapshot = _adapter(enrolled, bases[best])(queries)
        calibration = calibrate(
            snapshot,
            generation=gallery.snapshot().generation,
            unlabelled=snapshot.projection.apply_queries(queries),
        )
        gallery.spaces.project(snapshot.projection, replace(calibration, seen=seen))
    return AdaptedSpaceReport(
        queries=len(queries),
        given_a_label_before=before,
        given_a_label_after=after[best],
        target_fpir=enrolled.snapshot.target_fpir,
        learned_from_gallery=best > 0,
        adapted=adapted,
        searched_space=gallery.snapshot().space_id,
    )


def adapted_projection(
    enrolled: Enrolled, queries: FloatArray, base: Projection | None = None
) -> Projection:
    """A map, by default the present one, with the catalog's and the queries' means apart."""
    base = base or enrolled.snapshot.projection
    return Projection(
        ADAPTED,
        drawn_mean(enrolled.embeddings, base.mean),
        matrix_of(base),
        drawn_mean(queries, base.mean),
    )


def _fresh(gallery: Gallery) -> Projection:
    """The map that a fresh gallery of that backbone has."""
    space = gallery.snapshot().space
    return shipped_projection(space) or Projection.identity(space.dimension)


def _learned(
    gallery: Gallery, enrolled: Enrolled, embedder: Embedder, progress: Progress
) -> Projection | None:
    """The map learned from the gallery alone; None where its pictures don't suffice."""
    if len(enrolled.labels) < LEAST_CLASSES:
        return None
    try:
        views = views_of(gallery, enrolled, embedder, progress)
    except CalibrationError:
        return None
    return within_class_projection(_fresh(gallery), enrolled, views)


def _adapter(enrolled: Enrolled, base: Projection) -> Callable[[FloatArray], Snapshot]:
    return lambda seen: enrolled.snapshot_in(adapted_projection(enrolled, seen, base))


def _guarded(queries: FloatArray, learn: Callable[[FloatArray], Snapshot]) -> float:
    """The share of held-out queries given a label at the target FPIR, in the space learned."""
    order = np.random.default_rng(_SEED).permutation(len(queries))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    return float(
        np.mean(
            [
                _labelled_share(learn(queries[seen]), queries[seen], queries[held_out])
                for seen, held_out in (halves, halves[::-1])
            ]
        )
    )


def _labelled_share(snapshot: Snapshot, seen: FloatArray, held_out: FloatArray) -> float:
    project = snapshot.projection.apply_queries
    queries = project(seen)
    rankings = [ranked(kind, queries) for kind in snapshot.kinds]
    strangers = drawn_of_kinds(snapshot, queries, rankings)
    level = np.quantile(strangers, 1.0 - snapshot.target_fpir)
    return float((query_scores(snapshot, project(held_out)) >= level).mean())

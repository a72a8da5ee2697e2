"""Adapts the searched space to where queries sit, without labels; kept only if it is better.

Queries are other pictures than the catalog's: photographs against packshots, one hand against
another. Much of the difference is a shift that all of them share. So the catalog's embeddings and
the queries' are centred apart, each on its own mean (drawn towards the former mean where there are
few), and mapped by the same matrix as before.

The guard needs no labels either. Two halves of the queries take turns: one gives the mean, the
other is recognised in the old and in the new space, both calibrated on the first half to the same
FPIR. With equally many strangers let through, the space that gives more queries a label tells more
known things apart; the new one is kept only if that is it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.errors import CalibrationError
from engine.evaluation.enrolled import Enrolled
from engine.gallery import Gallery
from engine.gallery.deciding import query_scores
from engine.gallery.evidence import calibrate, unlabelled_stranger_scores
from engine.gallery.matcher import Matcher
from engine.projections import Projection
from engine.types import FloatArray

ADAPTED = "adapted"
LEAST_QUERIES = 40
PRIOR_COUNT = 20
_SEED = 7


def adapt_gallery(gallery: Gallery, queries: FloatArray | None) -> dict[str, Any]:
    """Centre a gallery and its queries apart, if that is better; see `Recognizer.adapt`."""
    enrolled = Enrolled.of_gallery(gallery)
    if len(enrolled.labels) < 2:
        raise CalibrationError(
            f"expected a gallery of at least 2 classes to adapt, but got {len(enrolled.labels)}"
        )
    if queries is None or len(queries) < LEAST_QUERIES:
        raise CalibrationError(
            f"expected at least {LEAST_QUERIES} unlabelled queries to adapt to, but got "
            f"{0 if queries is None else len(queries)}; a gallery alone says nothing of where "
            "its queries sit"
        )
    before, after = _guard(enrolled, queries)
    report = {
        "queries": len(queries),
        "given_a_label_before": round(before, 4),
        "given_a_label_after": round(after, 4),
        "target_fpir": enrolled.matcher.target_fpir,
        "adapted": after > before,
    }
    if after > before:
        matcher = enrolled.matcher_in(adapted_projection(enrolled, queries))
        calibration = calibrate(
            matcher,
            generation=gallery.view().generation,
            unlabelled=matcher.projection.apply_queries(queries),
        )
        gallery.use_projection(matcher.projection, calibration)
    return {**report, "searched_space": gallery.view().space_id}


def adapted_projection(enrolled: Enrolled, queries: FloatArray) -> Projection:
    """The present matrix, with the catalog's and the queries' means apart."""
    present = enrolled.matcher.projection
    matrix = present.matrix
    if matrix is None:
        matrix = np.eye(enrolled.embeddings.shape[1], dtype=np.float32)
    return Projection(
        "adapted",
        _mean(enrolled.embeddings, present.mean),
        matrix,
        _mean(queries, present.mean),
    )


def _mean(embeddings: FloatArray, prior: FloatArray) -> FloatArray:
    total = embeddings.sum(axis=0, dtype=np.float64) + PRIOR_COUNT * prior
    mean: FloatArray = (total / (len(embeddings) + PRIOR_COUNT)).astype(np.float32)
    return mean


def _guard(enrolled: Enrolled, queries: FloatArray) -> tuple[float, float]:
    """The share of held-out queries given a label at the target FPIR, before and after."""
    order = np.random.default_rng(_SEED).permutation(len(queries))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    before, after = [], []
    for seen, held_out in (halves, halves[::-1]):
        before.append(_labelled_share(enrolled.matcher, queries[seen], queries[held_out]))
        adapted = enrolled.matcher_in(adapted_projection(enrolled, queries[seen]))
        after.append(_labelled_share(adapted, queries[seen], queries[held_out]))
    return float(np.mean(before)), float(np.mean(after))


def _labelled_share(matcher: Matcher, seen: FloatArray, held_out: FloatArray) -> float:
    project = matcher.projection.apply_queries
    strangers = unlabelled_stranger_scores(matcher, project(seen))
    level = np.quantile(strangers, 1.0 - matcher.target_fpir)
    return float((query_scores(matcher, project(held_out)) >= level).mean())

"""Pairs labelled pictures with what is enrolled, and says what is odd about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..catalog import Catalog, normalised_label
from ..errors import EvaluationError, LabelError
from ..metrics.open_set import strangers_needed
from ..types import IntArray
from .enrolled import Enrolled
from .play import Match
from .queries import Queries
from .set_aside import enrolled_contents

LEAST_STRANGERS = strangers_needed(0.1)
"""With fewer real strangers than this, classes are left out instead."""

_NAMED = 5


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """What an evaluation plays, and what its reader should know about the data.

    Attributes:
        queries: the pictures that are played, in the match's order.
        match: the same as arrays.
        strangers: where the strangers come from, one phrase.
        warnings: one sentence each.
    """

    queries: Queries
    match: Match
    strangers: str
    warnings: tuple[str, ...]


def match_queries(
    queries: Queries, unknown: Queries | None, enrolled: Enrolled, catalog: Catalog | None
) -> Matched:
    """Decide which pictures are known, which are strangers, and whether classes are left out.

    A query whose label isn't enrolled is a stranger. Strangers are the pictures of `unknown` and
    those queries. Without `unknown`, and with fewer than `LEAST_STRANGERS` such queries, these are
    set aside and the enrolled classes take turns being unknown.

    Args:
        unknown: pictures of things that aren't enrolled; None if there are none.
        catalog: where enrolled pictures are looked up by content; None looks up nothing.

    Raises:
        EvaluationError: nothing is enrolled, or there is nothing to play.
    """
    ids = {label: class_id for class_id, label in enrolled.labels.items()}
    filled = {*enrolled.class_ids.tolist(), *enrolled.snapshot.texts.class_ids.tolist()}
    if not filled:
        raise EvaluationError(
            "expected a gallery with enrolled classes, but it is empty; enroll pictures first"
        )
    classes = [ids.get(comparable(item.label), -1) for item in queries.items]
    known = [row for row, class_id in enumerate(classes) if class_id in filled]
    others = [row for row, class_id in enumerate(classes) if class_id not in filled]
    left_out = unknown is None and len(others) < LEAST_STRANGERS
    if left_out and not known:
        raise EvaluationError(
            f"expected queries labelled with enrolled classes, but none of {len(queries)} is "
            f"({_some(queries, others)}), and these are too few to measure strangers alone; labels "
            "are the names of files, or of the folders they lie in, or a manifest's column"
        )
    if left_out and len(filled) < 2:
        raise EvaluationError(
            "expected a gallery of two classes at least, since with one there is nothing that "
            "a left-out class could be mistaken for; enroll more, or give strangers (--unknown)"
        )
    warnings = [*_about_labels(queries, others, left_out), *_about_copies(queries, known, catalog)]
    played, own = queries.take(known), [classes[row] for row in known]
    if not left_out:
        strangers = queries.take(others)
        if unknown is not None:
            strangers = strangers + unknown
            warnings += _about_enrolled_strangers(unknown, catalog)
        played, own = played + strangers, own + [-1] * len(strangers)
    if not played.items:
        raise EvaluationError("expected at least one picture, but there is none to evaluate on")
    labels = [item.label for item in played.items]
    groups: IntArray = np.unique(labels, return_inverse=True)[1]
    match = Match(played.embeddings, np.array(own, np.int64), groups, left_out, played.views)
    return Matched(played, match, _origin(unknown, others, left_out), tuple(warnings))


def comparable(label: str) -> str:
    """A query's label as the catalog would write it; nothing where it could be no class's."""
    try:
        return normalised_label(label)
    except LabelError:
        return ""


def _origin(unknown: Queries | None, others: list[int], left_out: bool) -> str:
    if left_out:
        return "the enrolled classes in turn, each left out of the ranking while it is the stranger"
    parts = ["pictures given as unknown"] if unknown is not None else []
    if others:
        parts.append("queries whose labels aren't enrolled")
    return " and ".join(parts)


def _about_labels(queries: Queries, others: list[int], left_out: bool) -> Iterator[str]:
    if not others:
        return
    fate = f"set aside, being fewer than {LEAST_STRANGERS}" if left_out else "counted as strangers"
    yield (
        f"{len(others):,} of {len(queries):,} queries have labels that aren't enrolled "
        f"({_some(queries, others)}); they are {fate}."
    )


def _about_copies(queries: Queries, known: list[int], catalog: Catalog | None) -> Iterator[str]:
    enrolled = _enrolled_contents(queries, catalog)
    copies = sum(queries.content_hashes[row] in enrolled for row in known)
    if copies:
        share = "All" if copies == len(known) else f"{copies:,} of {len(known):,}"
        yield (
            f"{share} queries are the very pictures that are enrolled. Those are always "
            "recognised, so figures on them say nothing about new pictures: use other pictures "
            "of the same things."
        )


def _about_enrolled_strangers(unknown: Queries, catalog: Catalog | None) -> Iterator[str]:
    enrolled = _enrolled_contents(unknown, catalog)
    copies = [row for row, digest in enumerate(unknown.content_hashes) if digest in enrolled]
    if copies:
        yield (
            f"{len(copies):,} of {len(unknown):,} pictures given as unknown are enrolled "
            f"({_some(unknown, copies)}); they count as strangers nevertheless."
        )


def _enrolled_contents(queries: Queries, catalog: Catalog | None) -> set[str]:
    return set() if catalog is None else enrolled_contents(queries, catalog)


def _some(queries: Queries, rows: list[int]) -> str:
    labels = list(dict.fromkeys(queries.items[row].label for row in rows))
    more = ", ..." if len(labels) > _NAMED else ""
    return ", ".join(repr(label) for label in labels[:_NAMED]) + more

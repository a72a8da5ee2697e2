"""Evaluation as a job: labelled queries are recognised and the answers counted.

A query whose label is no class is a stranger.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engine.catalog import normalised_label
from engine.catalog.service import JobRecord
from engine.decision.scores import Float64Array
from engine.errors import ImageError, LabelError
from engine.images import load_image
from engine.server.histograms import histogram
from engine.server.jobs.control import JobControl
from engine.server.jobs.staging import StagedFile, labels_of, staging_of
from engine.server.schemas import CurvePointOut, EvaluationOut, RejectOut
from engine.server.service import Service
from engine.server.uploads import source_text
from engine.types import Decision

CHUNK = 64
LISTED = 1000
CURVE_POINTS = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """A query's own label and what was decided."""

    label: str
    decision: Decision


def run_evaluation(service: Service, job: JobRecord, control: JobControl) -> None:
    """Recognise the job's files and report how that went."""
    staged = staging_of(service, job.id).files()
    labels = labels_of([file.name for file in staged])
    outcomes: list[Outcome] = []
    rejects: list[RejectOut] = []
    done = 0
    pairs = iter(zip(staged, labels, strict=True))
    while chunk := list(itertools.islice(pairs, CHUNK)):
        outcomes.extend(_recognized(service, chunk, rejects))
        done += len(chunk)
        report = control.report.model_copy(
            update={"rejected": len(rejects), "rejects": rejects[:LISTED]}
        )
        if not control.progress(done, len(staged) + 1, report):
            return
    view = service.recognizer.gallery.view()
    evaluation = evaluate(outcomes, set(view.table.labels.values()), view.target_fpir)
    report = control.report.model_copy(update={"evaluation": evaluation})
    control.progress(done + 1, done + 1, report)


def evaluate(outcomes: Sequence[Outcome], labels: set[str], target_fpir: float) -> EvaluationOut:
    """Count the answers.

    The score of a query is that of its decision less the threshold, so that 0 is where the service
    decides; the DET curve moves every threshold by the same amount.
    """
    known = [outcome for outcome in outcomes if outcome.label in labels]
    strangers = [outcome for outcome in outcomes if outcome.label not in labels]
    known_scores, stranger_scores = _scores(known), _scores(strangers)
    first = np.array([_nearest(o.decision) == o.label for o in known], bool)
    right = [o.decision.label == o.label for o in known]
    wrong = [o.decision.label not in (None, o.label) for o in known]
    return EvaluationOut(
        known=len(known),
        strangers=len(strangers),
        top1=_share(first.tolist()),
        tpir=_share(right),
        misnamed=_share(wrong),
        fpir=_share([o.decision.known for o in strangers]),
        target_fpir=target_fpir,
        known_scores=histogram(known_scores, stranger_scores),
        stranger_scores=histogram(stranger_scores, known_scores),
        det=list(_curve(known_scores[first], len(known), stranger_scores)),
    )


def _recognized(
    service: Service, chunk: Sequence[tuple[StagedFile, str]], rejects: list[RejectOut]
) -> Iterator[Outcome]:
    recognizer = service.recognizer
    pixels, labels = [], []
    for file, label in chunk:
        try:
            image = load_image(file.path, limits=service.line.limits)
            labels.append(normalised_label(label))
        except ImageError as error:
            rejects.append(RejectOut(source=source_text(file.name), reason=error.reason))
        except LabelError as error:
            rejects.append(RejectOut(source=source_text(file.name), reason=str(error)))
        else:
            pixels.append(recognizer.backbone.prepare(image.pixels))
    if pixels:
        decisions = recognizer.recognize_embeddings(recognizer.embedder.embed_prepared(pixels))
        yield from map(Outcome, labels, decisions)


def _scores(outcomes: Sequence[Outcome]) -> Float64Array:
    return np.array(
        [
            outcome.decision.score - outcome.decision.threshold
            for outcome in outcomes
            if outcome.decision.score is not None and outcome.decision.threshold is not None
        ],
        np.float64,
    )


def _curve(right: Float64Array, known: int, strangers: Float64Array) -> Iterator[CurvePointOut]:
    """`right (n,)`: scores of known queries whose nearest class is their own."""
    if not known or not strangers.size:
        return
    scores = np.unique(np.concatenate([right, strangers]))
    steps = np.unique(np.linspace(0, scores.size - 1, CURVE_POINTS).astype(np.int64))
    for level in scores[steps]:
        yield CurvePointOut(
            fpir=float(np.mean(strangers >= level)),
            fnir=1.0 - float(np.sum(right >= level)) / known,
        )


def _nearest(decision: Decision) -> str | None:
    return decision.candidates[0].label if decision.candidates else None


def _share(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None

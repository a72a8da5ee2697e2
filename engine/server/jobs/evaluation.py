"""Evaluation as a job: labelled queries are played, with the figures of `onelook evaluate`.

A query whose label is no class is a stranger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ...bulk.sources import Item
from ...catalog.service import JobRecord
from ...evaluation.evaluation import Evaluation, evaluate_gallery
from ...metrics.open_set import det
from ...metrics.trials import Trials
from ..histograms import histogram
from ..schemas import CurvePointOut, EvaluationOut, FigureOut, RejectOut
from ..served import Served
from ..uploads import source_text
from .control import JobControl
from .staging import Staging, labels_of, staging_of

LISTED = 1000
CURVE_POINTS = 200


class _StoppedError(Exception):
    """The job should not go on."""


def run_evaluation(served: Served, job: JobRecord, control: JobControl) -> None:
    """Play the job's files and report how that went."""
    staging = staging_of(served, job.id)
    total = len(staging.files())
    done = 0

    def progress(more: int) -> None:
        nonlocal done
        done += more
        if not control.progress(done, total, control.report):
            raise _StoppedError

    recognizer = served.recognizer
    extractor = replace(recognizer.features, limits=served.limits)
    try:
        progress(0)
        found = evaluate_gallery(recognizer.gallery, extractor, _items(staging), progress=progress)
    except _StoppedError:
        return
    refused = [reject for file in staging.files() if (reject := staging.refusal(file))]
    rejects = [*refused, *found.rejects]
    report = control.report.model_copy(
        update={
            "evaluation": evaluation_out(found),
            "rejected": len(rejects),
            "rejects": [
                RejectOut(source=reject.source, reason=reject.reason) for reject in rejects[:LISTED]
            ],
        }
    )
    control.progress(total, total, report)


def evaluation_out(found: Evaluation) -> EvaluationOut:
    """An evaluation, as it goes over the wire."""
    trials = found.result.trials
    known, strangers = (
        scores[np.isfinite(scores)] for scores in (trials.known.scores, trials.strangers.scores)
    )
    return EvaluationOut(
        known=len(trials.known),
        strangers=len(trials.strangers),
        strangers_are=found.matched.strangers,
        calibration=found.calibration,
        target_fpir=found.target_fpir,
        warnings=list(found.warnings),
        figures={name: FigureOut(**figure.to_json()) for name, figure in found.figures.items()},
        reached={
            f"{target:g}": FigureOut(**figure.to_json()) for target, figure in found.reached.items()
        },
        known_scores=histogram(known, strangers),
        stranger_scores=histogram(strangers, known),
        det=_curve(trials),
    )


def _items(staging: Staging) -> Iterator[Item]:
    files = staging.files()
    labels = labels_of([file.name for file in files])
    for file, label in zip(files, labels, strict=True):
        if staging.refusal(file) is None:
            yield Item(label, staging.image(file), source_text(file.name))


def _curve(trials: Trials) -> list[CurvePointOut]:
    if not len(trials.known) or not len(trials.strangers):
        return []
    curve = det(trials.known.scores, trials.known.correct, trials.strangers.scores)
    steps = np.unique(np.linspace(0, curve.x.size - 1, CURVE_POINTS).astype(np.int64))
    return [CurvePointOut(fpir=float(curve.x[n]), fnir=float(curve.y[n])) for n in steps]

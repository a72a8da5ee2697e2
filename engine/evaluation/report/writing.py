"""The report: one self-contained page, the same figures as JSON, and every plot as a PNG."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import StorageError
from ...gallery import Gallery
from ...gallery.deciding.decisions import class_thresholds
from ..drawing.thumbnails import thumbnail_uri
from ..evaluation import Evaluation
from ..mistakes import Mistake
from . import plots
from .page import Page, Plot, ShownMistake, render

PAGE, FIGURES = "report.html", "figures.json"


@dataclass(frozen=True, slots=True)
class Written:
    """Where a report lies."""

    page: Path
    figures: Path


def write_report(evaluation: Evaluation, gallery: Gallery, folder: Path) -> Written:
    """Write `report.html`, `figures.json` and the plots into a folder, made if need be.

    Raises:
        StorageError: the folder can't be written.
    """
    drawn = draw_plots(evaluation, gallery)
    mistakes = evaluation.mistakes
    page = Page(
        evaluation=evaluation,
        plots=drawn,
        confused=[_tile(evaluation, gallery, mistake) for mistake in mistakes.confused],
        accepting=[_tile(evaluation, gallery, mistake) for mistake in mistakes.accepting],
        refusing=[_tile(evaluation, gallery, mistake) for mistake in mistakes.refusing],
    )
    written = Written(folder / PAGE, folder / FIGURES)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for plot in drawn:
            (folder / f"{plot.name}.png").write_bytes(plot.picture)
        written.figures.write_text(json.dumps(evaluation.to_json(), indent=2) + "\n")
        written.page.write_text(render(page), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{folder}: the report could not be written: {error}") from None
    return written


def draw_plots(evaluation: Evaluation, gallery: Gallery) -> list[Plot]:
    """Every plot that the data allows, in the page's order."""
    trials = evaluation.result.trials
    known, strangers = len(trials.known) > 0, len(trials.strangers) > 0
    eer = evaluation.figures["eer"].value
    comparison = evaluation.comparison
    thresholds = _thresholds(gallery)
    reached = any(figure.value is not None for figure in evaluation.reached.values())
    possible: list[tuple[str, bool, Callable[[], bytes]]] = [
        (
            "comparison",
            comparison is not None and comparison.fpir is not None,
            lambda: plots.comparison_plot(comparison) if comparison else b"",
        ),
        ("det", known and strangers, lambda: plots.det_plot(trials, evaluation.target_fpir)),
        ("reliability", reached, lambda: plots.reliability_plot(evaluation.reached)),
        ("oscr", known and strangers, lambda: plots.oscr_plot(trials)),
        ("similarities", known or strangers, lambda: plots.similarity_plot(trials)),
        ("thresholds", thresholds.size > 0, lambda: plots.threshold_plot(thresholds)),
        ("roc", eer is not None, lambda: plots.roc_plot(trials, eer or 0.0)),
        (
            "probability",
            evaluation.figures["calibration_error"].value is not None,
            lambda: plots.probability_plot(trials),
        ),
    ]
    return [Plot(name, draw()) for name, wanted, draw in possible if wanted]


def _thresholds(gallery: Gallery) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    snapshot = gallery.snapshot()
    values = np.array(
        list(class_thresholds(snapshot, sorted(snapshot.labels)).values()), np.float64
    )
    return values[np.isfinite(values)]


def _tile(evaluation: Evaluation, gallery: Gallery, mistake: Mistake) -> ShownMistake:
    item = evaluation.matched.queries.items[mistake.query]
    return ShownMistake(
        mistake=mistake,
        query_name=Path(item.source).name,
        query_label=item.label,
        query=thumbnail_uri(item.image),
        enrolled=thumbnail_uri(gallery.catalog.picture(mistake.example)),
    )

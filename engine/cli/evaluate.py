"""`onelook evaluate`: how well a gallery recognises pictures whose labels are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .command import ExitCode, command
from .options import (
    BackboneOption,
    DeviceOption,
    GalleryOption,
    JsonOption,
    RuntimeOption,
    open_recognizer,
)
from .output import Output
from .table import Column

if TYPE_CHECKING:
    from ..evaluation.comparing import Comparison
    from ..evaluation.evaluation import Evaluation


app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def evaluate(
    output: Output,
    gallery: GalleryOption,
    queries: Annotated[
        Path,
        typer.Option(help="Labelled pictures: folder of folders, folder of files, or manifest."),
    ],
    unknown: Annotated[
        Path | None, typer.Option(help="Pictures of things that aren't enrolled.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a page, its plots and figures.json to this folder.")
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Put simpler ways of deciding beside the gallery's.")
    ] = False,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Measure a gallery on pictures that it hasn't seen.

    Queries whose labels aren't enrolled count as strangers. Without --unknown, the enrolled classes
    take turns being unknown. The exit code is 3 if some pictures could not be read.
    """
    with open_recognizer(
        gallery, read_only=True, backbone=backbone, device=device, runtime=runtime
    ) as recognizer:
        evaluation = recognizer.evaluate(queries, unknown, compare=compare)
        written = None
        if report is not None:
            from ..slim import needing

            with needing("drawing a report"):
                from ..evaluation.report.writing import write_report

            written = write_report(evaluation, recognizer.gallery, report)
    for warning in evaluation.warnings:
        output.warning(warning)
    for reject in evaluation.rejects[:10]:
        output.error(f"{reject.source}: {reject.reason}")
    if json_output:
        output.json(evaluation.to_json())
    else:
        _print(output, evaluation)
        if written is not None:
            output.done(f"report: {written.page}")
    return ExitCode.REJECTED if evaluation.rejects else ExitCode.SUCCESS


def _print(output: Output, evaluation: Evaluation) -> None:
    from ..evaluation.report.wording import FIGURE_NAMES, GROUPS, number, span

    trials = evaluation.result.trials
    output.line(
        f"{evaluation.classes:,} classes, {len(trials.known):,} known queries, "
        f"{len(trials.strangers):,} strangers ({evaluation.matched.strangers}), "
        f"target FPIR {evaluation.target_fpir * 100:g} %"
    )
    rows = [
        (FIGURE_NAMES[name], number(evaluation.figures[name]), span(evaluation.figures[name]))
        for names in GROUPS.values()
        for name in names
    ]
    columns = (Column("figure"), Column("value", right=True), Column("95 % interval"))
    output.table(columns, rows)
    if evaluation.comparison is not None:
        _print_comparison(output, evaluation.comparison)


def _print_comparison(output: Output, comparison: Comparison) -> None:
    from ..evaluation.report.wording import number

    output.line("")
    rows = []
    for row in comparison.rows:
        missed = row.figures[f"fnir_at_fpir_{comparison.fpir:g}"].value if comparison.fpir else None
        rows.append(
            (
                row.lever.name,
                *(number(row.figures[name]) for name in ("top_1", "auroc", "oscr")),
                "–" if missed is None else f"{(1 - missed) * 100:.1f} %",
                number(row.figures["fpir_reached"]),
                "pays" if row.pays else "",
            )
        )
    at = "" if comparison.fpir is None else f" at {comparison.fpir * 100:g} % FPIR"
    figures = ("top-1", "AUROC", "OSCR", f"TPIR{at}", "FPIR reached")
    columns = [Column("comparison"), *(Column(name, right=True) for name in figures), Column("")]
    output.table(columns, rows)
    output.line(comparison.verdict())

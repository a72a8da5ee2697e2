"""`onelook evaluate`: how well a gallery recognises pictures whose labels are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.console import note, print_json, print_table, printable
from engine.cli.enroll import SOME_REJECTED
from engine.cli.options import (
    BackboneOption,
    DeviceOption,
    GalleryOption,
    JsonOption,
    RuntimeOption,
    open_recognizer,
)

if TYPE_CHECKING:
    from engine.evaluation.comparing import Comparison
    from engine.evaluation.evaluation import Evaluation


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate)


def evaluate(
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
) -> None:
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
            from engine.evaluation.report import write_report

            written = write_report(evaluation, recognizer.gallery, report)
    for warning in evaluation.warnings:
        note(printable(warning))
    for reject in evaluation.rejects[:10]:
        note(printable(f"{reject.source}: {reject.reason}"))
    if json_output:
        print_json(evaluation.to_json())
    else:
        _print(evaluation)
        if written is not None:
            typer.echo(f"Report: {printable(str(written.page))}")
    if evaluation.rejects:
        raise typer.Exit(SOME_REJECTED)


def _print(evaluation: Evaluation) -> None:
    from engine.evaluation.wording import FIGURE_NAMES, GROUPS, number, span

    trials = evaluation.result.trials
    typer.echo(
        f"{evaluation.classes:,} classes, {len(trials.known):,} known queries, "
        f"{len(trials.strangers):,} strangers ({printable(evaluation.matched.strangers)}), "
        f"target FPIR {evaluation.target_fpir * 100:g} %"
    )
    rows = [
        (FIGURE_NAMES[name], number(evaluation.figures[name]), span(evaluation.figures[name]))
        for names in GROUPS.values()
        for name in names
    ]
    print_table(("figure", "value", "95 % interval"), rows, numeric=("value",))
    if evaluation.comparison is not None:
        _print_comparison(evaluation.comparison)


def _print_comparison(comparison: Comparison) -> None:
    from engine.evaluation.wording import number

    typer.echo("")
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
    columns = ("comparison", "top-1", "AUROC", "OSCR", f"TPIR{at}", "FPIR reached", "")
    print_table(columns, rows, numeric=columns[1:6])
    typer.echo(comparison.verdict())

"""`onelook calibrate` and `onelook adapt`: thresholds and the searched space, from evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .command import command
from .options import (
    BackboneOption,
    DeviceOption,
    GalleryOption,
    JsonOption,
    RuntimeOption,
    open_recognizer,
)
from .output import Output

if TYPE_CHECKING:
    from ..tuning.reports import AdaptedSpaceReport, CalibrationReport, LearnedSpaceReport

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def calibrate(
    output: Output,
    gallery: GalleryOption,
    target_fpir: Annotated[
        float | None,
        typer.Option(help="The share of strangers that may get any label, such as 0.01."),
    ] = None,
    unknown: Annotated[
        Path | None, typer.Option(help="Pictures of things that aren't enrolled.")
    ] = None,
    queries: Annotated[
        Path | None, typer.Option(help="Pictures as they will be asked, labelled or not.")
    ] = None,
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="Take no notice of the queries' labels.")
    ] = False,
    feedback: Annotated[
        bool, typer.Option("--feedback", help="Count what people said about queries, too.")
    ] = False,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    json_output: JsonOption = False,
) -> None:
    """Set the thresholds so that at most a share of all strangers gets any label.

    Without pictures the gallery alone is the evidence: each class in turn is left out and played as
    a stranger, by its enrolled picture and by synthetic photographs of it.
    """
    from ..gallery.deciding.outlook import outlook_of  # loads NumPy

    with open_recognizer(gallery, backbone=backbone, device=device, runtime=runtime) as recognizer:
        report = recognizer.calibrate(
            target_fpir=target_fpir,
            unknown=unknown,
            queries=queries,
            unlabelled=unlabelled,
            feedback=feedback,
        )
        outlook = outlook_of(recognizer.gallery.snapshot())
    if json_output:
        output.json(report.to_json())
        return
    evidence = ", ".join(f"{count} {kind}" for kind, count in report.evidence.items())
    output.line(f"method         {report.method}")
    output.line(f"evidence       {evidence or 'none'}; {report.classes} classes")
    output.line(f"target FPIR    {_percent(report.target_fpir)}")
    output.line(f"expected FPIR  {_share(report.expected_fpir, report.expected_fpir_interval)}")
    output.line(f"holds for      {report.holds_for}")
    output.line(f"expected TPIR  {_share(report.expected_tpir, report.expected_tpir_interval)}")
    if report.expected_tpir_of is not None:
        output.line(f"               (of {report.expected_tpir_of})")
    output.line(f"threshold      {report.threshold:.4f}")
    output.line(
        f"generation     {report.generation}, {report.created_at.isoformat(timespec='seconds')}"
    )
    output.line(f"space          {report.space}")
    _warn(output, report)
    for warning in () if outlook is None else outlook.warnings:
        output.warning(f"{warning}; or a larger --target-fpir")


@app.command()
@command
def adapt(
    output: Output,
    gallery: GalleryOption,
    queries: Annotated[
        Path | None, typer.Option(help="Pictures as they will be asked; labels aren't needed.")
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Return to the space of a fresh gallery.")
    ] = False,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    json_output: JsonOption = False,
) -> None:
    """Adapt the searched space, without labels; the new space is kept only if it is better.

    Without --queries it is learned from the gallery alone: what changed views of an enrolled
    picture differ in counts less. With them, where queries sit is learned as well.
    """
    from ..tuning.reports import LearnedSpaceReport  # slow to import, and only here

    if undo and queries is not None:
        raise typer.BadParameter("--undo takes no --queries")
    with open_recognizer(gallery, backbone=backbone, device=device, runtime=runtime) as recognizer:
        if undo:
            recognizer.gallery.spaces.project(None)
            output.done(f"{gallery}: searches the space of a fresh gallery again")
            return
        report = recognizer.adapt(queries)
    if json_output:
        output.json(report.to_json())
        return
    if isinstance(report, LearnedSpaceReport):
        _print_learned(output, report)
    else:
        _print_adapted(output, report)
    output.line(
        f"{gallery}: searches the new space; --undo returns"
        if report.adapted
        else f"{gallery}: left as it was, since the new space isn't better beyond chance"
        if queries is None
        else f"{gallery}: left as it was, since the new space isn't better"
    )


def _print_learned(output: Output, report: LearnedSpaceReport) -> None:
    gain = report.oscr_gain.to_json()
    output.line(
        f"learned from {report.views:,} changed views of {report.classes:,} enrolled "
        "pictures; judged on views of other classes, changed in other ways (an upper bound: new "
        "pictures differ more)"
    )
    output.line(
        f"TPIR at {_percent(report.target_fpir)} FPIR: "
        f"{_percent(report.tpir_of_views_before)} before, "
        f"{_percent(report.tpir_of_views_after)} after"
    )
    output.line(
        f"OSCR, over all FPIRs: {_percent(report.oscr_of_views_before)} before, "
        f"{_percent(report.oscr_of_views_after)} after; gain {100 * gain['value']:+.1f} points "
        f"(95 % interval {100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
    )


def _print_adapted(output: Output, report: AdaptedSpaceReport) -> None:
    output.line(
        f"learned from {report.queries:,} queries"
        + (" and the gallery's own pictures" if report.learned_from_gallery else "")
    )
    output.line(
        f"held-out queries given a label at a target FPIR of {_percent(report.target_fpir)}: "
        f"{_percent(report.given_a_label_before)} before, "
        f"{_percent(report.given_a_label_after)} after"
    )
    _warn(output, report)


def _warn(output: Output, report: AdaptedSpaceReport | CalibrationReport) -> None:
    if report.enrolled_themselves:
        output.warning(
            f"{report.enrolled_themselves:,} pictures were set aside, being enrolled themselves"
        )
    if report.rejects:
        output.warning(f"{report.rejects:,} pictures could not be read")


def _percent(share: float) -> str:
    return f"{100 * round(share, 6):.3g} %"


def _share(share: float | None, interval: tuple[float, float] | None) -> str:
    if share is None:
        return "not known without labelled queries"
    if interval is None:
        return _percent(share)
    return f"{_percent(share)} (95 % interval {_percent(interval[0])} to {_percent(interval[1])})"

"""`onelook reembed`: moves a gallery to another backbone, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ..memory import share_one_arena
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
from .progress import progress_bar
from .text import counted

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def reembed(
    output: Output,
    gallery: GalleryOption,
    backbone: BackboneOption = None,
    undo: Annotated[bool, typer.Option("--undo", help="Return to the backbone before.")] = False,
    drop_old: Annotated[
        bool,
        typer.Option("--drop-old", help="Remove the vectors of other backbones; no way back."),
    ] = False,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    json_output: JsonOption = False,
) -> None:
    """Move a gallery to another backbone: embed the kept pictures anew, then compare by it.

    The gallery can be used meanwhile, and a run that was interrupted goes on where it stopped.
    Other processes that have it open must open it again. The former vectors stay for --undo until
    --drop-old, or until the move after this one.
    """
    if (backbone is not None) + undo + drop_old != 1:
        raise typer.BadParameter("choose one of --backbone, --undo and --drop-old")
    share_one_arena()
    with open_recognizer(gallery, device=device, runtime=runtime) as recognizer:
        if drop_old:
            dropped = recognizer.gallery.spaces.drop_others()
            output.done(f"{gallery}: the vectors of {counted(dropped, 'other backbone')} removed")
            return
        total = recognizer.gallery.catalog.counts().examples
        with progress_bar(output, "embedding", lambda: total) as progress:
            report = (
                recognizer.undo_reembed(progress=progress)
                if backbone is None
                else recognizer.reembed(backbone, progress=progress)
            )
        calibration = recognizer.gallery.describe().calibration
    if json_output:
        output.json({**asdict(report), "calibration": calibration})
        return
    output.done(
        f"{gallery}: moved from {report.left} to {report.backbone}, "
        f"{counted(report.embedded, 'picture')} embedded in {report.seconds:.1f} s"
    )
    output.line(f"calibration  {calibration}")
    if report.reduced:
        output.line(
            f"{counted(report.reduced, 'picture')} embedded from reduced copies: nearly, not "
            "exactly, what the originals would give; enroll those into a new gallery for that"
        )
    if report.suspended_counterexamples:
        output.warning(
            f"{counted(report.suspended_counterexamples, 'counterexample')} suspended: their "
            "pictures weren't kept; give them anew with `onelook classes reject`"
        )
    if report.suspended_pins:
        output.warning(
            f"{counted(report.suspended_pins, 'pinned threshold')} suspended: set them anew with "
            "`onelook classes threshold`"
        )
    if not undo:
        output.line("the former vectors stay: --undo returns to them, --drop-old removes them")

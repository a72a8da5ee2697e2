"""`onelook verify`: whether two pictures show the same class."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import typer

from ..boxes import Box
from ..images import cropped
from .command import command
from .options import (
    BackboneOption,
    DeviceOption,
    GalleryPlace,
    JsonOption,
    RuntimeOption,
    open_recognizer,
    parsed_box,
)
from .output import Output
from .text import figure

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def verify(
    output: Output,
    first: Annotated[Path, typer.Argument(metavar="A", help="A picture.", show_default=False)],
    second: Annotated[
        Path, typer.Argument(metavar="B", help="Another picture.", show_default=False)
    ],
    gallery: Annotated[
        str | None,
        typer.Option(
            "--gallery",
            "-g",
            parser=GalleryPlace,
            metavar="GALLERY",
            envvar="ONELOOK_GALLERY",
            show_envvar=False,
            help="The gallery whose classes give a threshold.",
        ),
    ] = None,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    boxes: Annotated[
        list[Box] | None,
        typer.Option(
            "--box",
            metavar="X0,Y0,X1,Y1",
            parser=parsed_box,
            help="The part of A that is meant, as elsewhere; given twice, A's and B's.",
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Compare two pictures: similarity and, with a gallery, a verdict."""
    if boxes and len(boxes) > 2:
        raise typer.BadParameter(f"expected one for A and one for B but got {len(boxes)}")
    pair = [cropped(picture, box) for picture, box in zip_longest((first, second), boxes or ())]
    if gallery is None:
        from ..recognizer import compare

        outcome = compare(*pair, backbone=backbone, device=device, runtime=runtime)
    else:
        with open_recognizer(
            gallery, backbone=backbone, device=device, runtime=runtime
        ) as recognizer:
            outcome = recognizer.verify(*pair)
    if json_output:
        output.json(outcome.to_json())
        return
    figures = f"similarity {figure(outcome.similarity)}"
    places = {"first": outcome.first_in_second, "second": outcome.second_in_first}
    found = {which: place for which, place in places.items() if place is not None}
    if found:
        which, place = max(found.items(), key=lambda each: each[1].share)
        other = "second" if which == "first" else "first"
        output.line(
            f"same class (the {which} picture was found in the {other}: {place.inliers} points "
            f"agree, on {100 * place.share:.0f} % of it; {figures})",
            "green",
        )
        return
    if outcome.probability is not None:
        verdict = "same class" if outcome.same else "different classes"
        output.line(
            f"{verdict} (probability {outcome.probability:.1%}, counts from "
            f"{outcome.threshold or 0.0:.1%}; {figures})",
            "green" if outcome.same else "yellow",
        )
        return
    if outcome.same is None:
        output.line(figures)
        hint = "give a --gallery" if gallery is None else "enroll more pictures"
        output.note(f"there is no threshold to judge by; {hint}", style="dim")
    else:
        verdict = "same class" if outcome.same else "different classes"
        style = "green" if outcome.same else "yellow"
        output.line(f"{verdict} ({figures}, threshold {figure(outcome.threshold)})", style)

"""`onelook verify`: whether two pictures show the same class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import figure, print_json
from engine.cli.options import (
    BackboneOption,
    DeviceOption,
    JsonOption,
    RuntimeOption,
    open_recognizer,
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify")(verify)


def verify(
    first: Annotated[Path, typer.Argument(metavar="A", help="A picture.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another picture.")],
    gallery: Annotated[
        Path | None,
        typer.Option("--gallery", "-g", help="The gallery whose classes give a threshold."),
    ] = None,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    json_output: JsonOption = False,
) -> None:
    """Compare two pictures: their similarity and, with a gallery, whether they show one class."""
    if gallery is None:
        from engine.recognizer import compare

        outcome = compare(first, second, backbone=backbone, device=device, runtime=runtime)
    else:
        with open_recognizer(
            gallery, backbone=backbone, device=device, runtime=runtime
        ) as recognizer:
            outcome = recognizer.verify(first, second)
    if json_output:
        print_json(outcome.to_json())
        return
    verdict = {True: "same class", False: "different classes", None: "no threshold to judge by"}
    against = "" if outcome.threshold is None else f", threshold {figure(outcome.threshold)}"
    typer.echo(f"{verdict[outcome.same]} (similarity {figure(outcome.similarity)}{against})")

"""`onelook nearest`: the k nearest classes, with exact similarities and no verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import complain, figure, print_json, print_table, printable
from engine.cli.enroll import SOME_REJECTED
from engine.cli.options import (
    BackboneOption,
    DeviceOption,
    GalleryOption,
    JsonOption,
    RuntimeOption,
    open_recognizer,
    pictures,
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("nearest")(nearest)


def nearest(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures or folders.")],
    gallery: GalleryOption,
    k: Annotated[int, typer.Option("-k", min=1, help="How many classes.")] = 5,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    json_output: JsonOption = False,
) -> None:
    """List the k nearest classes of each picture, most similar first."""
    from engine.errors import ImageError
    from engine.images import describe_source

    rows, failed = [], 0
    with open_recognizer(gallery, backbone=backbone, device=device, runtime=runtime) as recognizer:
        for image in pictures(images):
            source = describe_source(image)
            try:
                candidates = recognizer.nearest(image, k)
            except ImageError as error:
                failed += 1
                if json_output:
                    print_json({"source": source, "candidates": [], "error": error.reason})
                else:
                    complain(printable(str(error)))
                continue
            if json_output:
                listed = [candidate.to_json() for candidate in candidates]
                print_json({"source": source, "candidates": listed, "error": None})
            rows += [
                (image.name if rank == 1 else "", str(rank), c.label, figure(c.similarity))
                for rank, c in enumerate(candidates, start=1)
            ]
    if rows and not json_output:
        columns = ("picture", "rank", "label", "similarity")
        print_table(columns, rows, numeric=("rank", "similarity"))
    if failed:
        raise typer.Exit(SOME_REJECTED)

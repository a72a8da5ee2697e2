"""`onelook migrate`: a gallery from a folder into a database, or back."""

from __future__ import annotations

from typing import Annotated

import typer

from .command import command
from .options import GalleryPlace
from .output import Output

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def migrate(
    output: Output,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", parser=GalleryPlace, help="A gallery.", show_default=False
        ),
    ],
    destination: Annotated[
        str,
        typer.Argument(
            metavar="DEST",
            parser=GalleryPlace,
            help="A free folder, or the URL of a database after `onelook upgrade`.",
            show_default=False,
        ),
    ],
) -> None:
    """Copy a gallery between a folder and a database, with every id.

    The copy is compared with the source by counts and hashes. Interrupted, the same command goes on
    where it stopped.
    """
    from ..gallery.parts.migrating import migrate_gallery

    output.when_interrupted = "interrupted; run the same again to go on"
    rows = migrate_gallery(source, destination)
    output.done(
        f"{source} -> {destination}: {rows['class']:,} classes, {rows['example']:,} examples, "
        "identical by counts and hashes"
    )

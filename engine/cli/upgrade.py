"""`onelook upgrade`: a gallery's tables, made or brought to the newest schema."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.command import command
from engine.cli.options import GalleryPlace
from engine.cli.output import Output

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def upgrade(
    output: Output,
    gallery: Annotated[
        str,
        typer.Argument(
            metavar="GALLERY",
            parser=GalleryPlace,
            help="The gallery's folder or database URL.",
            show_default=False,
        ),
    ],
) -> None:
    """Make a shared database's tables, or bring a gallery to this version's schema.

    A shared database is upgraded by this command only; do it when every process that uses it runs
    this version. A folder is upgraded whenever it is opened, after a backup copy was made.
    """
    from engine.catalog import Catalog
    from engine.gallery import location_of

    location = location_of(gallery)
    location.require()
    before, now = Catalog.upgrade(location.database), Catalog.REVISION
    if before is None:
        output.done(f"{gallery}: ready (schema {now})")
    elif before == now:
        output.done(f"{gallery}: up to date (schema {now})")
    else:
        output.done(f"{gallery}: upgraded from schema {before} to {now}")

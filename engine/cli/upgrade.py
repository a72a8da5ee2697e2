"""`onelook upgrade`: a gallery's tables, made or brought to the newest schema."""

from __future__ import annotations

from typing import Annotated

import typer

from .command import command
from .options import GalleryPlace, LocalFeaturesOption
from .output import Output
from .progress import progress_bar

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
    local_features: LocalFeaturesOption = None,
) -> None:
    """Make a shared database's tables, or bring a gallery to this version's schema.

    With --local-features those of the kept pictures are found as well; interrupted, it goes on
    where it stopped when run again. A shared database is upgraded by this command only; do it when
    every process that uses it runs this version. A folder is upgraded whenever it is opened, after
    a backup copy was made.
    """
    from ..catalog import Catalog
    from ..gallery import location_of

    location = location_of(gallery)
    location.require()
    before, now = Catalog.upgrade(location.database), Catalog.REVISION
    if before is None:
        output.done(f"{gallery}: ready (schema {now})")
    elif before == now:
        output.done(f"{gallery}: up to date (schema {now})")
    else:
        output.done(f"{gallery}: upgraded from schema {before} to {now}")
    if location.exists:
        _fill(output, gallery, local_features)


def _fill(output: Output, gallery: str, local_features: str | None) -> None:
    """Find the local features that are missing, and say what is without any."""
    from ..bulk.local_filling import fill_local_features
    from ..gallery import Gallery
    from ..settings import load_settings

    points = None
    if local_features is not None:
        points = load_settings(local_features=local_features).local_features
    with Gallery.open(gallery) as opened:
        if points is None and not opened.catalog.state().local_points:
            return
        kept = opened.catalog.counts().pictures
        with progress_bar(output, "finding local features", lambda: kept) as advance:
            report = fill_local_features(opened, points, progress=advance)
    if report.points:
        output.done(
            f"{gallery}: local features of {report.found:,} more examples, at most "
            f"{report.points} points each"
        )
    else:
        output.done(f"{gallery}: keeps no local features")
    for reject in report.rejects:
        output.warning(f"{reject.source}: {reject.reason}")
    if report.without:
        output.warning(
            f"{report.without:,} examples have none, since their pictures weren't kept; they are "
            "compared by similarity alone"
        )

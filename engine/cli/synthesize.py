"""`onelook synthesize`: photographs of catalog pictures that were never taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .backgrounds import pixels_of, read_places, readable, spread
from .command import ExitCode, command
from .output import Output

if TYPE_CHECKING:
    from ..types import ByteArray

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def synthesize(
    output: Output,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Catalog pictures: a folder, a manifest or a picture.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write the photographs.")],
    per_class: Annotated[
        int, typer.Option(min=1, metavar="N", help="Photographs of each picture.")
    ] = 4,
    seed: Annotated[int, typer.Option(help="The same seed gives the same photographs.")] = 0,
    size: Annotated[int, typer.Option(min=64, max=2048, help="Their side in pixels.")] = 480,
    strength: Annotated[
        float,
        typer.Option(min=0.0, max=2.0, help="0: hardly changed; 1: as people photograph."),
    ] = 1.0,
    backgrounds: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Photographs of places, to be behind.")
    ] = None,
) -> ExitCode:
    """Make photographs of catalog pictures: turned, bent, amid other things, in other light.

    They are written as queries/LABEL/*.jpg, with photographs.jsonl saying where in each the
    picture's corners are. Exit code 3: some pictures could not be read.
    """
    from ..bulk.sources import items
    from ..errors import ImageError
    from ..synthesis import cut_out
    from ..synthesis.writing import Photographing, write_photographs

    rejected = 0

    def told(error: ImageError) -> None:
        nonlocal rejected
        rejected += 1
        output.error(str(error))

    def pictures() -> Iterator[tuple[str, str, ByteArray]]:
        for item in items(source):
            try:
                yield item.label, item.source, pixels_of(item.image, size)
            except ImageError as error:
                told(error)

    listed = [item.image for item in items(source)]
    if not listed:
        raise ImageError(source, "expected pictures to photograph, but there are none")
    how = Photographing(per_class, seed, size, strength)
    written = write_photographs(
        pictures(),
        out,
        how,
        others=[cut_out(one, size) for one in readable(spread(listed), size)],
        backgrounds=[] if backgrounds is None else read_places(backgrounds, size),
    )
    output.done(f"{out}: {written:,} photographs")
    return ExitCode.REJECTED if rejected else ExitCode.SUCCESS

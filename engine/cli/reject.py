"""`onelook classes reject`: pictures that look like a class and aren't of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import DuplicateImageError, ImageError
from .command import ExitCode, command
from .options import (
    BoxOption,
    GalleryOption,
    JsonOption,
    LabelArgument,
    open_recognizer,
)
from .output import Output
from .table import Column
from .text import counted

if TYPE_CHECKING:
    from ..types import Counterexample

COLUMNS = (
    Column("counterexample", right=True),
    Column("size"),
    Column("since"),
    Column("source", shrinks=True, keeps_end=True),
)


@command
def reject(
    output: Output,
    label: LabelArgument,
    gallery: GalleryOption,
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE",
            help="Pictures, and folders of pictures; - is standard input.",
            show_default=False,
        ),
    ] = None,
    undo: Annotated[
        list[int] | None,
        typer.Option(metavar="ID", help="Take one back; may be given several times."),
    ] = None,
    list_them: Annotated[
        bool, typer.Option("--list", help="List the class's; so does giving no picture.")
    ] = False,
    box: BoxOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Say that pictures look like a class but aren't of it: counterexamples.

    The class then refuses what is near to one of them: what is at under half of the distance that
    it has to the nearest example. Another class may win. They are strangers to the class when the
    gallery is calibrated next.
    """
    if images and (undo or list_them):
        raise typer.BadParameter("give pictures, or --undo, or --list")
    with open_recognizer(gallery) as recognizer:
        kept = recognizer.gallery.counterexamples
        if undo:
            kept.remove(undo, label)
            output.done(f"{label}: took back {counted(len(set(undo)), 'counterexample')}")
            if not list_them:
                return ExitCode.SUCCESS
        if not images:
            listed = kept.listed(label)
            if json_output:
                for each in listed:
                    output.json(each.to_json())
            else:
                print_counterexamples(output, listed)
            return ExitCode.SUCCESS
        from .pictures import queries

        said, refused = [], 0
        kept.listed(label)  # an unknown class is told once, before any picture is looked at
        for image in queries(images, box):
            try:
                said.append(recognizer.reject(image, label))
            except (ImageError, DuplicateImageError) as error:
                output.error(str(error))
                refused += 1
        if json_output:
            for each in said:
                output.json(each.to_json())
        for each in said:
            output.done(f"{each.source} isn't {each.label} (counterexample {each.id})")
    return ExitCode.REJECTED if refused else ExitCode.SUCCESS


def print_counterexamples(output: Output, kept: list[Counterexample]) -> None:
    """A table of them."""
    output.table(
        COLUMNS,
        (
            (
                str(each.id),
                f"{each.width} × {each.height}",
                f"{each.created_at:%Y-%m-%d %H:%M}",
                each.source,
            )
            for each in kept
        ),
    )

"""`onelook nearest`: the k nearest classes, with exact similarities and no verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ImageError
from ..filtering import Filter
from ..texts import checked_text
from .command import ExitCode, command
from .options import (
    BackboneOption,
    BoxOption,
    DeviceOption,
    GalleryOption,
    JsonOption,
    PerhapsImagesArgument,
    RuntimeOption,
    WhereOption,
    open_recognizer,
)
from .output import Output
from .table import Cell, Column, Row
from .text import figure

if TYPE_CHECKING:
    from ..images import ImageSource
    from ..recognizer import Recognizer
    from ..types import Candidate

COLUMNS = (
    Column("picture", shrinks=True, keeps_end=True),
    Column("rank", right=True),
    Column("class", shrinks=True),
    Column("similarity", right=True),
    Column("text", shrinks=True),
)

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def nearest(
    output: Output,
    gallery: GalleryOption,
    images: PerhapsImagesArgument = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="Look up a text in a picture's place, such as 'a red mug', with a backbone "
            "open_clip:MODEL/TAG; as often as wanted.",
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many classes.")] = 5,
    box: BoxOption = None,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    where: WhereOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """List the k nearest classes of each picture, most similar first."""
    from .pictures import queries

    if not images and not text:
        raise typer.BadParameter("expected an IMAGE, or --text")
    if text and box is not None:
        raise typer.BadParameter("--box goes with pictures, not with --text")
    unreadable, among = 0, Filter.parse(where or [])
    texts = [checked_text(each) for each in text or []]

    def answers() -> Iterator[_Answer]:
        nonlocal unreadable
        for asked in texts:
            yield _Answer(asked, recognizer.nearest(text=asked, k=k, where=among))
        for image in queries(images or [], box):
            answer = _answer(recognizer, image, k, among)
            unreadable += answer.error is not None
            yield answer

    with open_recognizer(gallery, backbone=backbone, device=device, runtime=runtime) as recognizer:
        if json_output:
            for answer in answers():
                output.json(answer.to_json())
        else:
            columns = COLUMNS if len(recognizer.gallery.snapshot().texts) else COLUMNS[:-1]
            rows = (row for answer in answers() for row in _rows(output, answer))
            output.table(columns, (row[: len(columns)] for row in rows))
    return ExitCode.REJECTED if unreadable else ExitCode.SUCCESS


@dataclass(frozen=True, slots=True)
class _Answer:
    """The classes nearest to one picture, or why it can't be read."""

    source: str
    candidates: list[Candidate]
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        listed = [candidate.to_json() for candidate in self.candidates]
        return {"source": self.source, "candidates": listed, "error": self.error}


def _answer(recognizer: Recognizer, image: ImageSource, k: int, among: Filter | None) -> _Answer:
    from ..images import describe_source

    try:
        return _Answer(describe_source(image), recognizer.nearest(image, k, where=among))
    except ImageError as error:
        return _Answer(error.source, [], error.reason)


def _rows(output: Output, answer: _Answer) -> Iterator[Row]:
    if answer.error is not None:
        output.error(f"{answer.source}: {answer.error}")
        yield (answer.source, "", Cell("unreadable", "red"), "", "")
    for rank, candidate in enumerate(answer.candidates, start=1):
        source = answer.source if rank == 1 or not output.terminal else ""
        similarity = figure(candidate.similarity)
        yield (source, str(rank), candidate.label, similarity, candidate.text or "")

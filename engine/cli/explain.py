"""`onelook explain`: why a picture was decided as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .command import command
from .options import (
    BackboneOption,
    BoxOption,
    DeviceOption,
    GalleryOption,
    JsonOption,
    RuntimeOption,
    open_recognizer,
)
from .output import Output
from .table import Column
from .text import figure

if TYPE_CHECKING:
    from ..evaluation.explanation.explain import Explanation


COLUMNS = (
    Column("rank", right=True),
    Column("class", shrinks=True),
    *(Column(title, right=True) for title in ("similarity", "normalised", "score", "threshold")),
)
HEAD = Column("head", right=True)
TEXT = Column("text", shrinks=True)
"""Shown where a head is in force, and where a class was found by a text."""

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def explain(
    output: Output,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The picture.")],
    gallery: GalleryOption,
    out: Annotated[Path | None, typer.Option(help="Draw it to this .png, too.")] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many candidates to list.")] = 5,
    box: BoxOption = None,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    json_output: JsonOption = False,
) -> None:
    """Say why: the candidates, their thresholds, and how other pictures compare.

    With --out, draws the same as a picture: the query beside the enrolled pictures, the points that
    local features matched, and where the nearest class draws its line.
    """
    with open_recognizer(
        gallery, read_only=True, backbone=backbone, device=device, runtime=runtime
    ) as recognizer:
        explanation = recognizer.explain(image, candidates=top, box=box)
    if out is not None:
        _draw(out, explanation)
    if json_output:
        output.json(explanation.to_json())
        return
    for sentence in explanation.sentences():
        output.line(sentence)
    listed, columns = explanation.candidates, list(COLUMNS)
    rows = [
        [
            str(rank),
            evidence.candidate.label,
            figure(evidence.candidate.similarity),
            "" if evidence.normalized is None else f"{evidence.normalized:+.2f}",
            figure(explanation.decision.score) if rank == 1 else "",
            figure(evidence.threshold),
        ]
        for rank, evidence in enumerate(listed, start=1)
    ]
    heads = ["" if each.probability is None else f"{each.probability:.1%}" for each in listed]
    texts = [each.candidate.text or "" for each in listed]
    for column, cells in ((HEAD, heads), (TEXT, texts)):
        if any(cells):
            columns.append(column)
            rows = [[*row, cell] for row, cell in zip(rows, cells, strict=True)]
    if rows:
        output.table(columns, rows)
    if out is not None:
        output.done(f"drawn: {out}")


def _draw(out: Path, explanation: Explanation) -> None:
    from ..errors import StorageError

    try:
        out.write_bytes(explanation.picture())
    except OSError as error:
        raise StorageError(f"{out}: the picture could not be written: {error}") from None

"""`onelook locate`: everything enrolled that a picture shows, and where in it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..boxes import Crop, split_source
from .command import ExitCode, command
from .options import (
    BackboneOption,
    BoxOption,
    DeviceOption,
    GalleryOption,
    ImagesArgument,
    JsonOption,
    RuntimeOption,
    WhereOption,
    open_recognizer,
)
from .output import Output
from .table import Cell, Column, Row
from .text import figure

if TYPE_CHECKING:
    from ..filtering import Filter
    from ..findings import Findings
    from ..images import ImageSource
    from ..types import Reject

COLUMNS = (
    Column("picture", shrinks=True, keeps_end=True),
    Column("answer", shrinks=True),
    *(Column(title, right=True) for title in ("left", "top", "right", "bottom")),
    *(
        Column(title, right=True)
        for title in ("inliers", "stranger rate", "similarity", "score", "threshold")
    ),
)

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def locate(
    output: Output,
    images: ImagesArgument,
    gallery: GalleryOption,
    draw: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Draw outlines and names on copies of the pictures."),
    ] = None,
    coco: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the findings as COCO results, too.")
    ] = None,
    box: BoxOption = None,
    where: WhereOption = None,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Find all enrolled things in each picture: their names, outlines and scores.

    Boxes are in pixels of the upright picture. A picture that can't be read gives an error line and
    the exit code 3; the others are looked at.
    """
    from ..filtering import Filter
    from ..types import Reject
    from .pictures import queries

    among = Filter.parse(where or [])
    errors: list[str] = []
    results = _Coco()

    def answers() -> Iterator[tuple[ImageSource, Findings | Reject]]:
        for number, image in enumerate(queries(images, box)):
            source, answer = _located(recognizer, image, among)
            if isinstance(answer, Reject):
                errors.append(f"{answer.source}: {answer.reason}")
            else:
                results.add(answer)
                if draw is not None:
                    _draw(draw, number, source, answer)
            yield source, answer

    with open_recognizer(gallery, backbone=backbone, device=device, runtime=runtime) as recognizer:
        if json_output:
            for _, answer in answers():
                output.json(_json(answer))
        else:
            output.table(COLUMNS, (row for _, answer in answers() for row in _rows(answer)))
            for error in errors:
                output.error(error)
    if coco is not None:
        _write(coco, json.dumps(results.to_json()).encode())
    return ExitCode.REJECTED if errors else ExitCode.SUCCESS


class _Coco:
    """Findings of many pictures as one COCO object; `annotations` alone are COCO results."""

    def __init__(self) -> None:
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.categories: dict[int, str] = {}

    def add(self, found: Findings) -> None:
        number = len(self.images) + 1
        size = {"width": found.width, "height": found.height}
        name, _ = split_source(found.source)
        self.images.append({"id": number, "file_name": name, **size})
        for result in found.to_coco(number):
            self.annotations.append({"id": len(self.annotations) + 1, **result})
        self.categories |= {
            finding.decision.candidates[0].class_id: finding.label or "" for finding in found.known
        }

    def to_json(self) -> dict[str, Any]:
        categories = [{"id": i, "name": name} for i, name in sorted(self.categories.items())]
        return {
            "images": self.images,
            "annotations": self.annotations,
            "categories": categories,
        }


def _located(
    recognizer: Any, image: ImageSource, among: Filter | None
) -> tuple[ImageSource, Findings | Reject]:
    """What a picture shows, and the picture itself, which standard input gives only once."""
    from ..errors import ImageError
    from ..types import Reject

    standard_input: object = sys.stdin.buffer
    whole, box = (image.image, image.box) if isinstance(image, Crop) else (image, None)
    try:
        if whole is standard_input:
            whole = sys.stdin.buffer.read()
        return whole, recognizer.locate(whole, box=box, where=among)
    except ImageError as error:
        return image, Reject(error.source, error.reason)


def _draw(folder: Path, number: int, image: ImageSource, found: Findings) -> None:
    from ..outlined import outlined

    name = image.stem if isinstance(image, Path) else "picture"
    _write(folder / f"{number + 1:03}-{name}.png", outlined(image, found))


def _write(path: Path, data: bytes) -> None:
    from ..errors import StorageError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise StorageError(f"{path}: it could not be written: {error}") from None


def _json(answer: Findings | Reject) -> dict[str, Any]:
    from ..types import Reject

    if not isinstance(answer, Reject):
        return answer.to_json()
    keys = ("width", "height")
    return {
        "source": answer.source,
        **dict.fromkeys(keys),
        "findings": [],
        "error": answer.reason,
    }


def _rows(answer: Findings | Reject) -> Iterator[Row]:
    from ..types import Reject

    if isinstance(answer, Reject):
        yield (answer.source, Cell("unreadable", "red"), *[""] * 9)
        return
    if not answer:
        yield (answer.source, Cell("nothing found", "dim"), *[""] * 9)
    for finding in answer:
        yield (
            answer.source,
            Cell(finding.label, "green") if finding.label else Cell("unknown", "yellow"),
            *(str(round(side)) for side in finding.box),
            str(finding.inliers),
            finding.decision.stranger_rate_in_words,
            figure(finding.similarity),
            figure(finding.score),
            figure(finding.decision.threshold),
        )

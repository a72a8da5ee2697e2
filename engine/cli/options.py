"""Options that several commands share, and opening a recogniser from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from engine.recognizer import Recognizer

GalleryOption = Annotated[
    Path, typer.Option("--gallery", "-g", help="The gallery's folder.", show_default=False)
]
BackboneOption = Annotated[
    str | None,
    typer.Option(
        "--backbone", "-b", help="Such as efficientnet-lite0, open_clip:MODEL/TAG, timm:NAME."
    ),
]
DeviceOption = Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")]
RuntimeOption = Annotated[str | None, typer.Option(help="auto, torch or onnxruntime.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]


def open_recognizer(
    gallery: Path,
    *,
    create: bool = False,
    read_only: bool = False,
    backbone: str | None = None,
    device: str | None = None,
    runtime: str | None = None,
    keep_pictures: str | None = None,
) -> Recognizer:
    """Open a gallery for a command."""
    from engine.recognizer import Recognizer

    return Recognizer.open(
        gallery,
        create=create,
        read_only=read_only,
        backbone=backbone,
        device=device,
        runtime=runtime,
        keep_pictures=keep_pictures,
    )


def pictures(arguments: list[Path]) -> list[Path]:
    """The pictures that arguments name: themselves, or for a folder all pictures below it."""
    from engine.bulk.sources import items

    named: list[Path] = []
    for argument in arguments:
        if argument.is_dir():
            named.extend(Path(str(item.image)) for item in items(argument))
        else:
            named.append(argument)
    return named

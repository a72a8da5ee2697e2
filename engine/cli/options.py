"""Options that several commands share, and opening a recogniser from them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ..boxes import Box
from ..errors import SettingsError

if TYPE_CHECKING:
    from ..recognizer import Recognizer


class Device(StrEnum):
    """Where a backbone runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


class RuntimeName(StrEnum):
    """What runs a backbone."""

    AUTO = "auto"
    TORCH = "torch"
    ONNXRUNTIME = "onnxruntime"


class Keep(StrEnum):
    """What a gallery keeps of each enrolled picture."""

    NONE = "none"
    BOUNDED = "bounded"
    ORIGINAL = "original"


class IndexName(StrEnum):
    """What searches a gallery."""

    AUTO = "auto"
    FAISS = "faiss"
    PGVECTOR = "pgvector"


class GalleryPlace(str):
    """A gallery's folder or database URL; printed, it shows no password."""

    def __str__(self) -> str:
        if "://" not in self[:]:
            return self[:]
        from ..catalog import shown_location  # slow to import, and rarely needed

        return shown_location(self[:])

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


GalleryOption = Annotated[
    str,
    typer.Option(
        "--gallery",
        "-g",
        metavar="GALLERY",
        parser=GalleryPlace,
        envvar="ONELOOK_GALLERY",
        show_envvar=False,
        help="The gallery's folder or database URL; else as ONELOOK_GALLERY says.",
        show_default=False,
    ),
]
BackboneOption = Annotated[
    str | None,
    typer.Option(
        "--backbone",
        "-b",
        metavar="NAME",
        help="onelook-lite0, open_clip:MODEL/TAG, timm:NAME ...; a gallery knows its own.",
    ),
]
DeviceOption = Annotated[Device | None, typer.Option(help="Where the backbone runs.")]
RuntimeOption = Annotated[RuntimeName | None, typer.Option(help="What runs the backbone.")]
IndexOption = Annotated[
    IndexName | None,
    typer.Option(
        help="What searches: faiss in each process, or pgvector in the gallery's database; once "
        "pgvector was asked for, auto is pgvector for every process."
    ),
]
KeepPicturesOption = Annotated[
    Keep | None,
    typer.Option(help="What a new gallery keeps of each picture; bounded if not given."),
]
LocalFeaturesOption = Annotated[
    str | None,
    typer.Option(
        metavar="none|auto|N",
        help="How many points of local features are kept of each picture, which find it in a "
        "photograph, turned and small; auto is 500, at most 999.",
    ),
]
_IMAGES = typer.Argument(
    metavar="IMAGE",
    help="Pictures, and folders of pictures; - is standard input.",
    show_default=False,
)
ImagesArgument = Annotated[list[str], _IMAGES]
PerhapsImagesArgument = Annotated[list[str] | None, _IMAGES]


def parsed_box(text: str) -> Box:
    """A box as people write it."""
    try:
        return Box.of(text)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from None


BoxOption = Annotated[
    Box | None,
    typer.Option(
        "--box",
        metavar="X0,Y0,X1,Y1",
        parser=parsed_box,
        help="The part of each picture that is meant: left, top, right and bottom in pixels of the "
        "upright picture, or in shares of its sides, from 0 to 1.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="NAME=VALUE|VALUE",
        help="Compare only with classes whose attribute has one of these values; may be repeated, "
        "and may be a JSON object.",
    ),
]
LabelArgument = Annotated[str, typer.Argument(metavar="LABEL", show_default=False)]


def open_recognizer(
    gallery: str,
    *,
    create: bool = False,
    read_only: bool = False,
    backbone: str | None = None,
    device: str | None = None,
    runtime: str | None = None,
    keep_pictures: str | None = None,
    index: str | None = None,
    local_features: str | None = None,
) -> Recognizer:
    """Open a gallery for a command."""
    from ..recognizer import Recognizer

    return Recognizer.open(
        gallery,
        create=create,
        read_only=read_only,
        backbone=backbone,
        device=device,
        runtime=runtime,
        keep_pictures=keep_pictures,
        index=index,
        local_features=local_features,
    )

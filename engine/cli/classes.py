"""`onelook classes`: list, show, rename, merge, remove, and pin a threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.console import figure, print_json, print_table, printable
from engine.cli.options import GalleryOption, JsonOption, open_recognizer

if TYPE_CHECKING:
    from engine.gallery import Gallery
    from engine.types import ClassRecord

commands = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List, show and change classes."
)
LabelArgument = Annotated[str, typer.Argument(metavar="LABEL")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(commands, name="classes")


@commands.command("list")
def list_classes(
    gallery: GalleryOption,
    search: Annotated[str | None, typer.Option(help="Only labels that hold this text.")] = None,
    json_output: JsonOption = False,
) -> None:
    """List the classes, by label."""
    with open_recognizer(gallery) as recognizer:
        records = recognizer.gallery.catalog.classes(search=search)
        objects = [_object(recognizer.gallery, record) for record in records]
    if json_output:
        for entry in objects:
            print_json(entry)
        return
    rows = [
        (o["label"], str(o["examples"]), figure(o["threshold"]), "pinned" if o["pinned"] else "")
        for o in objects
    ]
    print_table(("label", "examples", "threshold", ""), rows, numeric=("examples", "threshold"))


@commands.command("show")
def show(label: LabelArgument, gallery: GalleryOption, json_output: JsonOption = False) -> None:
    """Show a class: its attributes, its threshold and its examples."""
    with open_recognizer(gallery) as recognizer:
        catalog = recognizer.gallery.catalog
        record = catalog.class_by_label(label)
        entry = _object(recognizer.gallery, record)
        examples = catalog.examples(record.id)
    entry["example_list"] = [
        {
            "id": e.id,
            "source": e.source,
            "width": e.width,
            "height": e.height,
            "content_hash": e.content_hash,
            "created_at": e.created_at.isoformat(),
            "warnings": list(e.warnings),
        }
        for e in examples
    ]
    if json_output:
        print_json(entry)
        return
    pinned = " (pinned)" if entry["pinned"] else ""
    typer.echo(f"{printable(record.label)}: threshold {figure(entry['threshold'])}{pinned}")
    for name, value in record.attributes.items():
        typer.echo(f"  {printable(name)}: {printable(str(value))}")
    rows = [
        (str(e.id), f"{e.width} × {e.height}", e.source, "; ".join(e.warnings)) for e in examples
    ]
    print_table(("example", "size", "source", "warnings"), rows, numeric=("example",))


@commands.command("rename")
def rename(
    label: LabelArgument,
    new_label: Annotated[str, typer.Argument(metavar="NEW_LABEL")],
    gallery: GalleryOption,
) -> None:
    """Rename a class."""
    with open_recognizer(gallery) as recognizer:
        recognizer.gallery.rename_class(label, new_label)
    typer.echo(f"{printable(label)} is now {printable(new_label)}")


@commands.command("merge")
def merge(
    labels: Annotated[list[str], typer.Argument(metavar="LABEL...", help="Classes to merge.")],
    gallery: GalleryOption,
    into: Annotated[str, typer.Option(help="The class that takes their examples.")],
) -> None:
    """Move the examples of classes to another class and remove the emptied ones."""
    with open_recognizer(gallery) as recognizer:
        recognizer.gallery.merge_classes(labels, into)
    typer.echo(f"merged into {printable(into)}: {printable(', '.join(labels))}")


@commands.command("remove")
def remove(
    labels: Annotated[list[str], typer.Argument(metavar="LABEL...")],
    gallery: GalleryOption,
    example: Annotated[
        int | None, typer.Option(help="Remove only this example of the class.")
    ] = None,
) -> None:
    """Remove classes with their examples, pictures and vectors; or one example of a class."""
    with open_recognizer(gallery) as recognizer:
        if example is not None:
            record = recognizer.gallery.catalog.class_by_label(labels[0])
            owned = {e.id for e in recognizer.gallery.catalog.examples(record.id)}
            if len(labels) > 1 or example not in owned:
                raise typer.BadParameter(f"{labels[0]} has the examples {sorted(owned)}")
            recognizer.gallery.remove_example(example)
            return
        for label in labels:
            recognizer.gallery.catalog.class_by_label(label)  # all or nothing
        for label in labels:
            recognizer.gallery.remove_class(label)
    typer.echo(f"removed: {printable(', '.join(labels))}")


@commands.command("threshold")
def threshold(
    label: LabelArgument,
    gallery: GalleryOption,
    pin: Annotated[
        float | None, typer.Option(min=-1.0, max=1.0, help="Fix the threshold at this score.")
    ] = None,
    unpin: Annotated[bool, typer.Option("--unpin", help="Compute the threshold again.")] = False,
) -> None:
    """Show a class's threshold, pin it, or hand it back to the calibration."""
    if pin is not None and unpin:
        raise typer.BadParameter("choose one of --pin and --unpin")
    with open_recognizer(gallery) as recognizer:
        if pin is not None or unpin:
            recognizer.gallery.pin_threshold(label, pin)
        entry = _object(recognizer.gallery, recognizer.gallery.catalog.class_by_label(label))
    pinned = "pinned" if entry["pinned"] else "computed"
    typer.echo(f"{printable(label)}: threshold {figure(entry['threshold'])} ({pinned})")


def _object(gallery: Gallery, record: ClassRecord) -> dict[str, Any]:
    """A class as a JSON object."""
    return {
        "id": record.id,
        "label": record.label,
        "attributes": dict(record.attributes),
        "examples": record.examples,
        "threshold": gallery.threshold_of(record.id),
        "pinned": record.pinned_threshold is not None,
        "created_at": record.created_at.isoformat(),
        "updated_at": record.updated_at.isoformat(),
    }

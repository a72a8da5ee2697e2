"""`onelook classes`: list, show, rename, merge, remove, reject, attributes, thresholds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ExampleNotFoundError, FilterError
from .command import command
from .options import GalleryOption, JsonOption, LabelArgument, open_recognizer
from .output import Output
from .reject import print_counterexamples, reject
from .table import Cell, Column
from .text import counted, figure

if TYPE_CHECKING:
    from ..gallery import Gallery
    from ..types import ClassRecord, ExampleRecord

CLASS_COLUMNS = (
    Column("class", shrinks=True),
    Column("examples", right=True),
    Column("threshold", right=True),
    Column(""),
    Column("attributes", shrinks=True),
)
EXAMPLE_COLUMNS = (
    Column("example", right=True),
    Column("size"),
    Column("enrolled"),
    Column("source", shrinks=True, keeps_end=True),
    Column("warnings", shrinks=True),
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="List, show and change classes.",
)


app.command("reject")(reject)


@app.command("list")
@command
def list_classes(
    output: Output,
    gallery: GalleryOption,
    search: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only labels that hold this text.")
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """List the classes, by label."""
    with open_recognizer(gallery) as recognizer:
        records = recognizer.gallery.catalog.ask(lambda read: read.classes.listed(search=search))
        objects = (_object(recognizer.gallery, record) for record in records)
        if json_output:
            for entry in objects:
                output.json(entry)
            return
        output.table(
            CLASS_COLUMNS,
            (
                (
                    entry["label"],
                    f"{entry['examples']:,}",
                    figure(entry["threshold"]),
                    Cell(_set_by(entry), "magenta" if entry["pinned"] else "dim"),
                    ", ".join(f"{name}: {value}" for name, value in entry["attributes"].items()),
                )
                for entry in objects
            ),
        )
    if output.terminal:
        matching = "" if search is None else f" with {search!r}"
        output.note(f"{counted(len(records), 'class', 'classes')}{matching}", style="dim")


@app.command("show")
@command
def show(
    output: Output, label: LabelArgument, gallery: GalleryOption, json_output: JsonOption = False
) -> None:
    """Show a class: attributes, threshold, examples, counterexamples."""
    with open_recognizer(gallery) as recognizer:
        record = recognizer.gallery.catalog.ask(lambda read: read.classes.by_label(label))
        entry = _object(recognizer.gallery, record)
        examples = recognizer.gallery.catalog.ask(lambda read: read.examples.listed(record.id))
        contrary = recognizer.gallery.counterexamples.listed(record.id)
    if json_output:
        lists = {
            "example_list": [_example_object(example) for example in examples],
            "counterexample_list": [each.to_json() for each in contrary],
        }
        output.json(entry | lists)
        return
    output.line(record.label, style="bold")
    output.line(f"threshold {figure(entry['threshold'])} ({_set_by(entry)})")
    for name, value in record.attributes.items():
        output.line(f"{name}: {value}")
    output.table(
        EXAMPLE_COLUMNS,
        (
            (
                str(example.id),
                f"{example.width} × {example.height}" if example.text is None else "text",
                f"{example.created_at:%Y-%m-%d %H:%M}",
                example.source if example.text is None else example.text,
                Cell(" ".join(example.warnings), "yellow"),
            )
            for example in examples
        ),
    )
    if contrary:
        print_counterexamples(output, contrary)


@app.command("rename")
@command
def rename(
    output: Output,
    label: LabelArgument,
    new_label: Annotated[str, typer.Argument(metavar="NEW_LABEL", show_default=False)],
    gallery: GalleryOption,
) -> None:
    """Rename a class."""
    with open_recognizer(gallery) as recognizer:
        recognizer.gallery.classes.rename(label, new_label)
    output.done(f"{label} is now {new_label}")


@app.command("merge")
@command
def merge(
    output: Output,
    labels: Annotated[
        list[str],
        typer.Argument(metavar="LABEL", help="Classes to merge.", show_default=False),
    ],
    gallery: GalleryOption,
    into: Annotated[
        str,
        typer.Option(
            metavar="LABEL", help="The class that takes their examples.", show_default=False
        ),
    ],
) -> None:
    """Move the examples of classes to another class.

    The emptied classes are removed.
    """
    with open_recognizer(gallery) as recognizer:
        recognizer.gallery.classes.merge(labels, into)
        held = recognizer.gallery.catalog.ask(lambda read: read.classes.by_label(into)).examples
    output.done(f"{into} now has {counted(held, 'example')}")


@app.command("remove")
@command
def remove(
    output: Output,
    labels: Annotated[list[str], typer.Argument(metavar="LABEL", show_default=False)],
    gallery: GalleryOption,
    example: Annotated[
        int | None,
        typer.Option(metavar="ID", help="Remove only this example of the class."),
    ] = None,
) -> None:
    """Remove classes with all their pictures, or one example.

    Examples, kept pictures and vectors are really gone, from the files too.
    """
    if example is not None and len(labels) > 1:
        raise typer.BadParameter("--example goes with the label of one class")
    with open_recognizer(gallery) as recognizer:
        catalog = recognizer.gallery.catalog
        with catalog.read() as reader:
            records = [reader.classes.by_label(label) for label in labels]  # all of them or none
        if example is not None:
            owned = [
                each.id for each in catalog.ask(lambda read: read.examples.listed(records[0].id))
            ]
            if example not in owned:
                raise ExampleNotFoundError(
                    f"expected an example of {labels[0]!r} ({', '.join(map(str, owned))}), "
                    f"but got {example}"
                )
            recognizer.gallery.examples.remove(example)
            output.done(f"removed example {example} of {labels[0]}")
            return
        for record in records:
            recognizer.gallery.classes.remove(record.label)
    output.done(f"removed {', '.join(labels)}")


@app.command("threshold")
@command
def threshold(
    output: Output,
    label: LabelArgument,
    gallery: GalleryOption,
    pin: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            metavar="SCORE",
            help="Set the threshold by hand, a score from 0 to 1.",
        ),
    ] = None,
    unpin: Annotated[
        bool, typer.Option("--unpin", help="Let the gallery compute it again.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Show a class's threshold, pin it, or unpin it."""
    if pin is not None and unpin:
        raise typer.BadParameter("choose one of --pin and --unpin")
    with open_recognizer(gallery) as recognizer:
        if pin is not None or unpin:
            recognizer.gallery.classes.pin(label, pin)
        entry = _object(
            recognizer.gallery,
            recognizer.gallery.catalog.ask(lambda read: read.classes.by_label(label)),
        )
    if json_output:
        output.json(entry)
    else:
        output.line(f"{entry['label']}: threshold {figure(entry['threshold'])} ({_set_by(entry)})")


@app.command("set-attributes")
@command
def set_attributes(
    output: Output,
    label: LabelArgument,
    gallery: GalleryOption,
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME=VALUE", help="Values, as JSON or else as text.", show_default=False
        ),
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Take an attribute away.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Keep no attribute that isn't named here.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Set attributes of a class, such as price=8.90 or shop=north.

    The others stay unless --replace is given. Answers carry them, and --where asks for them.
    """
    given = dict(map(_attribute, values or []))
    if not (given or remove or replace):
        raise typer.BadParameter("expected NAME=VALUE, --remove NAME or --replace")
    with open_recognizer(gallery) as recognizer:
        record = recognizer.gallery.catalog.ask(lambda read: read.classes.by_label(label))
        held = {} if replace else dict(record.attributes)
        for name in remove or []:
            if name not in record.attributes:
                raise FilterError(
                    f"{record.label!r} has no attribute {name!r}; it has: "
                    f"{', '.join(map(repr, record.attributes)) or 'none'}"
                )
            held.pop(name, None)
        recognizer.gallery.classes.set_attributes(record.id, held | given)
        changed = recognizer.gallery.catalog.ask(lambda read: read.classes.by_id(record.id))
        entry = _object(recognizer.gallery, changed)
    if json_output:
        output.json(entry)
    else:
        listed = ", ".join(f"{name}: {value}" for name, value in entry["attributes"].items())
        output.done(f"{record.label}: {listed or 'no attributes'}")


def _attribute(text: str) -> tuple[str, Any]:
    """The name and value of `NAME=VALUE`."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise typer.BadParameter(f"expected NAME=VALUE, but got {text!r}")
    try:
        return name.strip(), json.loads(value, parse_constant=str)
    except ValueError:
        return name.strip(), value


def _set_by(entry: dict[str, Any]) -> str:
    return "pinned" if entry["pinned"] else "computed"


def _object(gallery: Gallery, record: ClassRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "label": record.label,
        "attributes": dict(record.attributes),
        "examples": record.examples,
        "threshold": gallery.classes.threshold(record.id) if record.examples else None,
        "pinned": record.pinned_threshold is not None,
        "created_at": record.created_at.isoformat(),
        "updated_at": record.updated_at.isoformat(),
    }


def _example_object(example: ExampleRecord) -> dict[str, Any]:
    return {
        "id": example.id,
        "source": example.source,
        "text": example.text,
        "width": example.width,
        "height": example.height,
        "content_hash": example.content_hash,
        "created_at": example.created_at.isoformat(),
        "warnings": list(example.warnings),
    }

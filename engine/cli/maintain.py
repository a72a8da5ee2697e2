"""`onelook info|check|rebuild|backup|export|import`: looking after a gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import complain, print_json, printable
from engine.cli.options import GalleryOption, JsonOption, open_recognizer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (info, check, rebuild, backup):
        app.command()(command)
    app.command("export")(export)
    app.command("import")(import_)


def info(gallery: GalleryOption, json_output: JsonOption = False) -> None:
    """Say what a gallery holds and how it decides."""
    with open_recognizer(gallery) as recognizer:
        described = recognizer.gallery.describe()
    if json_output:
        print_json(described)
        return
    width = max(len(name) for name in described)
    for name, value in described.items():
        shown = (
            ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        )
        typer.echo(f"{name.replace('_', ' '):<{width}}  {printable(str(shown))}")


def check(gallery: GalleryOption) -> None:
    """Verify the database, the kept pictures and the index; exit code 1 if anything is wrong."""
    with open_recognizer(gallery) as recognizer:
        problems = recognizer.gallery.check()
        counts = recognizer.gallery.catalog.counts()
    for problem in problems:
        complain(printable(problem))
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{gallery}: sound ({counts.classes} classes, {counts.examples} examples)")


def rebuild(gallery: GalleryOption) -> None:
    """Make the index anew from the database."""
    with open_recognizer(gallery) as recognizer:
        recognizer.gallery.rebuild()
        size = len(recognizer.gallery.view().index)
    typer.echo(f"{gallery}: the index was made anew from {size} examples")


def backup(
    destination: Annotated[Path, typer.Argument(help="The folder to make.")],
    gallery: GalleryOption,
) -> None:
    """Copy a gallery, consistently while others write."""
    with open_recognizer(gallery) as recognizer:
        recognizer.gallery.backup(destination)
    typer.echo(f"{gallery}: copied to {destination}")


def export(
    file: Annotated[Path, typer.Argument(help="The Parquet file to write.")],
    gallery: GalleryOption,
) -> None:
    """Write labels, attributes, embeddings and kept pictures to a Parquet file."""
    with open_recognizer(gallery) as recognizer:
        written = recognizer.gallery.export(file)
    typer.echo(f"{file}: {written} examples")


def import_(
    file: Annotated[Path, typer.Argument(help="A Parquet file that `onelook export` wrote.")],
    gallery: GalleryOption,
) -> None:
    """Add what was exported to a gallery; makes the gallery if there is none."""
    from engine.gallery import Gallery, GalleryFolder

    if GalleryFolder(gallery).exists:
        with open_recognizer(gallery) as recognizer:
            added = recognizer.gallery.import_export(file)
            counts = recognizer.gallery.catalog.counts()
    else:
        with Gallery.create_from_export(gallery, file) as made:
            counts = made.catalog.counts()
            added = counts.examples
    typer.echo(f"{gallery}: {added} examples added, {counts.examples} in all")

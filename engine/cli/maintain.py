"""`onelook info|check|rebuild|backup|export|import`: looking after a gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .command import ExitCode, command
from .options import GalleryOption, IndexOption, JsonOption, open_recognizer
from .output import Output
from .text import counted, file_size, holdings, outlook_lines

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_CONSEQUENCES = {
    "pgvector": "the database searches for all who open it from now on; restart running services",
    "faiss": "each process searches its own",
}
"""What a rebuild with `--index` means for others, by what searches."""


@app.command()
@command
def info(
    output: Output,
    gallery: GalleryOption,
    forget_queries: Annotated[
        bool, typer.Option("--forget-queries", help="Erase first what was counted of queries.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Say what a gallery holds and how it decides."""
    with open_recognizer(gallery) as recognizer:
        if forget_queries:
            recognizer.gallery.queries.forget()
        description = recognizer.gallery.describe()
    described = description.to_json()
    if json_output:
        output.json(described)
        return
    advice, _ = described.pop("advice"), described.pop("outlook")
    described["queries"] = description.queries and str(description.queries)
    width = max(len(name) for name in described)
    for name, value in described.items():
        output.line(f"{name.replace('_', ' '):<{width}}  {_shown(name, value)}")
    alarm = description.queries and description.queries.warning
    told = [*outlook_lines(description.outlook), advice, alarm and f"! {alarm}"]
    for line in told:
        if line:
            output.line(line)


@app.command()
@command
def check(output: Output, gallery: GalleryOption, json_output: JsonOption = False) -> ExitCode:
    """Verify the database, the kept pictures and the index.

    The exit code is 1 if anything is wrong.
    """
    with open_recognizer(gallery) as recognizer:
        problems = recognizer.gallery.check()
        counts = recognizer.gallery.catalog.counts()
    if json_output:
        totals = {"classes": counts.classes, "examples": counts.examples}
        output.json(
            {"gallery": str(gallery), "sound": not problems, **totals, "problems": problems}
        )
    elif problems:
        for problem in problems:
            output.line(problem, style="red")
        output.error(f"{gallery}: {counted(len(problems), 'problem')} found")
    else:
        held = holdings(counts.classes, counts.examples)
        output.line(f"{gallery}: sound ({held})", style="green")
    return ExitCode.FAILURE if problems else ExitCode.SUCCESS


@app.command()
@command
def rebuild(output: Output, gallery: GalleryOption, index: IndexOption = None) -> None:
    """Make the index anew from the database.

    With --index pgvector the database searches from now on, for every process that opens the
    gallery; with --index faiss no longer, and its table is removed.
    """
    with open_recognizer(gallery, index=index) as recognizer:
        recognizer.gallery.rebuild()
        size = len(recognizer.gallery.snapshot().index)
        searching = recognizer.gallery.describe().index.engine
    made = f"{gallery}: the index was made anew from {counted(size, 'example')}"
    output.done(f"{made}; {_CONSEQUENCES[searching] if index else f'{searching} searches'}")


@app.command()
@command
def backup(
    output: Output,
    destination: Annotated[Path, typer.Argument(help="The folder to make.", show_default=False)],
    gallery: GalleryOption,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Copy the service's access tokens, too.")
    ] = False,
) -> None:
    """Copy a gallery, consistently while others write."""
    with open_recognizer(gallery) as recognizer:
        recognizer.gallery.backup(destination, tokens=tokens)
    output.done(f"{gallery}: copied to {destination}")


@app.command()
@command
def export(
    output: Output,
    gallery: GalleryOption,
    file: Annotated[
        Path | None, typer.Argument(help="The Parquet file to write.", show_default=False)
    ] = None,
    web: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write a page there instead, which recognises in the browser, offline.",
        ),
    ] = None,
    runtime: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="With --web: the unpacked npm package onnxruntime-web, which runs the network.",
        ),
    ] = None,
) -> None:
    """Write all that a gallery holds to a Parquet file, or a page that recognises by itself.

    A file holds labels, attributes, pinned thresholds, embeddings, kept pictures, and the space.
    """
    if (file is None) == (web is None):
        raise typer.BadParameter("expected a Parquet file to write, or --web DIR")
    if (web is None) != (runtime is None):
        raise typer.BadParameter("--web DIR and --runtime DIR belong together")
    with open_recognizer(gallery) as recognizer:
        if web is not None and runtime is not None:
            from ..web import export_web

            made = export_web(recognizer, web, runtime=runtime)
            what = f"{holdings(made.classes, made.examples)}, {file_size(made.size)}"
            output.done(f"{web}: a page that recognises {what}; it runs on {made.runtime}")
            for left in made.left_out:
                output.note(f"{left}, so its answers may differ from the gallery's own")
            return
        assert file is not None
        written = recognizer.gallery.export(file)
    output.done(f"{file}: {counted(written, 'example')} written")


@app.command("import")
@command
def import_(
    output: Output,
    file: Annotated[
        Path,
        typer.Argument(help="A Parquet file that `onelook export` wrote.", show_default=False),
    ],
    gallery: GalleryOption,
) -> None:
    """Add what was exported to a gallery, or make one of it."""
    from ..gallery import Gallery, location_of

    if location_of(gallery).exists:
        with open_recognizer(gallery) as recognizer:
            added = recognizer.gallery.import_export(file)
            counts = recognizer.gallery.catalog.counts()
    else:
        with Gallery.create_from_export(gallery, file) as made:
            counts = made.catalog.counts()
            added = counts.examples
    output.done(f"{gallery}: {counted(added, 'example')} added, {counts.examples:,} in all")


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if name.endswith("_bytes"):
        return file_size(value)
    if name == "index":
        return _index(value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {entry}" for key, entry in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _index(described: dict[str, Any]) -> str:
    """`pgvector, since the database holds a table for it (kind approximate, size 181, ...)`."""
    more = {k: v for k, v in described.items() if k not in ("engine", "because")}
    details = ", ".join(f"{key} {entry}" for key, entry in more.items())
    return f"{described['engine']}, since {described['because']} ({details})"

"""`onelook enroll`: pictures, folders and manifests into a gallery."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.console import complain, note, print_json, printable
from engine.cli.options import (
    BackboneOption,
    DeviceOption,
    GalleryOption,
    JsonOption,
    RuntimeOption,
    open_recognizer,
)

if TYPE_CHECKING:
    from engine.types import EnrolmentReport

SOME_REJECTED = 3
INTERRUPTED = 130
LISTED = 10


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("enroll")(enroll)


def enroll(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE...", help="Folders, manifests (csv, jsonl, parquet), pictures."
        ),
    ],
    gallery: GalleryOption,
    label: Annotated[
        str | None, typer.Option("--label", "-l", help="The class of every picture.")
    ] = None,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    keep_pictures: Annotated[
        str | None, typer.Option(help="none, bounded or original; for a new gallery.")
    ] = None,
    stop_on_error: Annotated[bool, typer.Option(help="Stop at the first bad picture.")] = False,
    allow_duplicates: Annotated[
        bool, typer.Option(help="Enroll the same picture under several classes.")
    ] = False,
    prune: Annotated[
        bool, typer.Option(help="Remove what SOURCE listed before and no longer lists.")
    ] = False,
    json_output: JsonOption = False,
) -> None:
    """Enroll one picture or more of each class; makes the gallery if there is none.

    A folder's pictures are named by their files' stems, or by the folder they lie in. Run it again
    and only what is new is enrolled. Exit codes: 0 all enrolled, 3 some rejected, 2 wrong usage,
    1 failure, 130 interrupted.
    """
    from engine.bulk.sources import items

    for source in sources:
        items(source)  # a mistyped source must not leave an empty gallery behind
    reports = []
    with (
        _interruptible(),
        open_recognizer(
            gallery,
            create=True,
            backbone=backbone,
            device=device,
            runtime=runtime,
            keep_pictures=keep_pictures,
        ) as recognizer,
    ):
        for source in sources:
            total = sum(1 for _ in items(source)) if sys.stderr.isatty() else None
            with _progress(total) as advance:
                report = recognizer.enroll_catalog(
                    source,
                    label=label,
                    stop_on_error=stop_on_error,
                    allow_duplicates=allow_duplicates,
                    prune=prune,
                    progress=advance,
                )
            reports.append(report)
            if json_output:
                print_json({"source": printable(str(source)), **report.to_json()})
            else:
                _print_report(source, report)
        counts = recognizer.gallery.catalog.counts()
    if not json_output:
        typer.echo(f"{gallery}: {counts.classes} classes, {counts.examples} examples")
    if any(report.rejected for report in reports):
        raise typer.Exit(SOME_REJECTED)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Answer Ctrl-C with what became of the work."""
    try:
        yield
    except KeyboardInterrupt:
        complain("onelook: interrupted; what was enrolled is kept, run it again to go on")
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar with rate and time left on a terminal; nothing otherwise."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("enrolling"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("enrolling", total=total, rate="")

        def advance(done: int) -> None:
            progress.advance(task, done)
            speed = progress.tasks[0].finished_speed or progress.tasks[0].speed
            progress.update(task, rate=f"{speed:.0f}/s" if speed else "")

        yield advance


def _print_report(source: Path, report: EnrolmentReport) -> None:
    counts = {
        "replaced": report.replaced,
        "unchanged": report.unchanged,
        "pruned": report.pruned,
        "rejected": report.rejected,
    }
    parts = [f"{report.added} added", *(f"{n} {name}" for name, n in counts.items() if n)]
    dealt = report.added + report.replaced + report.unchanged + report.rejected
    rate = dealt / report.seconds if report.seconds else 0.0
    typer.echo(
        f"{printable(str(source))}: {', '.join(parts)} in {report.seconds:.1f} s ({rate:.0f}/s)"
    )
    if not dealt:
        note("no pictures were found there")
    _list("rejected", [f"{r.source}: {r.reason}" for r in report.rejects], report.rejected)
    _list("warning", list(report.warnings), len(report.warnings))
    pairs = {frozenset((n.label, n.other)): str(n) for n in report.near_duplicates}
    _list("near-duplicate", list(pairs.values()), len(pairs))


def _list(name: str, lines: list[str], total: int) -> None:
    for line in lines[:LISTED]:
        note(f"  {name}: {printable(line)}")
    if total > LISTED:
        note(f"  … and {total - LISTED} more; --json lists them")

"""`onelook enroll`: pictures, folders and manifests into a gallery."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import GalleryError
from ..memory import share_one_arena
from ..texts import checked_text
from .command import ExitCode, command
from .options import (
    BackboneOption,
    BoxOption,
    DeviceOption,
    GalleryOption,
    IndexOption,
    JsonOption,
    Keep,
    KeepPicturesOption,
    LocalFeaturesOption,
    RuntimeOption,
    open_recognizer,
)
from .output import Output
from .progress import progress_bar
from .text import holdings, outlook_lines

if TYPE_CHECKING:
    from ..gallery import Gallery
    from ..recognizer import Recognizer
    from ..types import EnrolmentReport

LISTED = 10
"""How many rejects, warnings and near-duplicates a person is shown of each."""

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def enroll(
    output: Output,
    gallery: GalleryOption,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help="Folders, manifests (.csv, .jsonl, .parquet), annotations (COCO's .json, YOLO's "
            "data.yaml) and pictures, also as s3://... and the like; - is a picture from standard "
            "input.",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option("--label", "-l", metavar="LABEL", help="The class of every picture."),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="Enroll a text in a picture's place, such as 'a red mug', as LABEL or else as "
            "itself; with a backbone open_clip:MODEL/TAG, and as often as wanted.",
        ),
    ] = None,
    box: BoxOption = None,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    keep_pictures: KeepPicturesOption = None,
    local_features: LocalFeaturesOption = None,
    index: IndexOption = None,
    stop_on_error: Annotated[
        bool, typer.Option("--stop-on-error", help="Stop at the first bad picture.")
    ] = False,
    allow_duplicates: Annotated[
        bool,
        typer.Option("--allow-duplicates", help="Enroll the same picture under several classes."),
    ] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove what SOURCE listed earlier and no longer lists."),
    ] = False,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Embed on a Ray cluster: its address, or `local`."),
    ] = None,
    ray_actors: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="How many embed on the cluster at most; one a GPU, or a core, if not given.",
        ),
    ] = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Enroll pictures of each class; makes the gallery if there is none.

    A picture's class is named by its file, or by the folder it lies in, or by the manifest's row.
    Run it again, and only what is new is enrolled; what was committed survives an interruption.
    """
    from .pictures import collections

    if not sources and not text:
        raise typer.BadParameter("expected a SOURCE, or --text")
    if text and (box is not None or prune):
        raise typer.BadParameter("--box and --prune go with pictures, not with --text")
    output.when_interrupted = "interrupted; what was enrolled is kept, run the same again to go on"
    share_one_arena()
    # First, so that a typo leaves no empty gallery behind.
    chosen = collections(sources or [], label, box)
    texts = _checked_texts(gallery, backbone, text or [])
    if prune and any(each.count is not None for each in chosen):
        raise typer.BadParameter("--prune goes with folders and manifests, not with pictures")
    if box is not None and any(each.count is None for each in chosen):
        raise typer.BadParameter(
            "--box goes with pictures; a manifest says it in the columns x0, y0, x1 and y1"
        )
    with (
        open_recognizer(
            gallery,
            create=True,
            backbone=backbone,
            device=device,
            runtime=runtime,
            keep_pictures=keep_pictures,
            index=index,
            local_features=local_features,
        ) as recognizer,
        progress_bar(
            output, "enrolling", lambda: sum(each.counted() for each in chosen)
        ) as advance,
    ):
        _require_kept(recognizer.gallery, keep_pictures)
        reports = []
        if texts:
            reports.append(_enroll_texts(recognizer, texts, label, stop_on_error, allow_duplicates))
        reports += [
            recognizer.enroll_catalog(
                each.source,
                label=label,
                stop_on_error=stop_on_error,
                allow_duplicates=allow_duplicates,
                prune=prune,
                ray=ray,
                ray_actors=ray_actors,
                progress=advance,
            )
            for each in chosen
        ]
        counts = recognizer.gallery.catalog.counts()
    report = _joined(reports)
    if json_output:
        totals = {"classes": counts.classes, "examples": counts.examples}
        output.json({"gallery": str(gallery), **totals, **report.to_json()})
    else:
        _print_report(output, report)
        output.done(f"{gallery}: {holdings(counts.classes, counts.examples)}")
        for line in outlook_lines(report.outlook):
            output.done(line)
    return ExitCode.REJECTED if report.rejected else ExitCode.SUCCESS


def _checked_texts(gallery: str, backbone: str | None, texts: list[str]) -> list[str]:
    """Refuse what is no text, and a new gallery's backbone before the gallery is made of it."""
    from ..backbones import require_texts
    from ..gallery import location_of
    from ..settings import load_settings

    checked = [checked_text(text) for text in texts]
    if texts and not location_of(gallery).exists:
        require_texts(backbone or load_settings().backbone)
    return checked


def _enroll_texts(
    recognizer: Recognizer,
    texts: list[str],
    label: str | None,
    stop_on_error: bool,
    allow_duplicates: bool,
) -> EnrolmentReport:
    from ..bulk.report import ReportBuilder
    from ..errors import DuplicateImageError
    from ..gallery.deciding.outlook import outlook_of
    from ..types import Reject

    started, report = time.monotonic(), ReportBuilder(keep_rejected=False)
    for text in texts:
        try:
            outcome = recognizer.enroll(label or text, text=text, allow_duplicates=allow_duplicates)
        except DuplicateImageError as error:
            if stop_on_error:
                raise
            report.count_loaded([Reject(text, str(error))])
        else:
            report.count_written([(text, outcome)])
    outlook = outlook_of(recognizer.gallery.snapshot())
    return report.finish(time.monotonic() - started, outlook)


def _require_kept(gallery: Gallery, asked: Keep | None) -> None:
    kept = gallery.catalog.state().keep_pictures.value
    if asked is not None and asked.value != kept:
        raise GalleryError(
            f"{gallery.location}: expected --keep-pictures {kept}, as the gallery was made "
            f"with, but got {asked.value}; leave the option out, or enroll into a new gallery"
        )


def _joined(reports: list[EnrolmentReport]) -> EnrolmentReport:
    from ..types import EnrolmentReport

    return EnrolmentReport(
        added=sum(report.added for report in reports),
        replaced=sum(report.replaced for report in reports),
        unchanged=sum(report.unchanged for report in reports),
        pruned=sum(report.pruned for report in reports),
        rejected=sum(report.rejected for report in reports),
        rejects=tuple(reject for report in reports for reject in report.rejects),
        warnings=tuple(warning for report in reports for warning in report.warnings),
        near_duplicates=tuple(pair for report in reports for pair in report.near_duplicates),
        passed_over=sum((Counter(report.passed_over) for report in reports), Counter()),
        empty_folders=tuple(folder for report in reports for folder in report.empty_folders),
        remarks=tuple(remark for report in reports for remark in report.remarks),
        outlook=reports[-1].outlook if reports else None,
        seconds=sum(report.seconds for report in reports),
    )


def _print_report(output: Output, report: EnrolmentReport) -> None:
    counts = {
        "replaced": report.replaced,
        "unchanged": report.unchanged,
        "pruned": report.pruned,
        "rejected": report.rejected,
    }
    parts = [f"{report.added:,} added", *(f"{n:,} {name}" for name, n in counts.items() if n)]
    dealt = report.added + report.replaced + report.unchanged + report.rejected
    rate = f" ({dealt / report.seconds:,.0f} a second)" if report.seconds >= 1 else ""
    rejects = [f"{reject.source}: {reject.reason}" for reject in report.rejects]
    pairs = {frozenset((pair.label, pair.other)): str(pair) for pair in report.near_duplicates}
    _list(output.warning, "taken as", list(report.remarks), len(report.remarks))
    if overlooked := _overlooked(report):
        output.warning(overlooked)
    _list(output.error, "rejected", rejects, report.rejected)
    _list(output.warning, "warning", list(report.warnings), len(report.warnings))
    _list(output.warning, "near-duplicate", list(pairs.values()), len(pairs))
    output.done(f"{', '.join(parts)} in {report.seconds:,.1f} s{rate}")


def _overlooked(report: EnrolmentReport) -> str:
    """What was passed over and which folders gave nothing; empty if there is nothing to tell."""
    counts = sorted(report.passed_over.items(), key=lambda entry: (-entry[1], entry[0]))
    kinds = [f"{count:,} {ending or 'without an ending'}" for ending, count in counts[:LISTED]]
    folders = [folder.rstrip("/").rpartition("/")[2] for folder in report.empty_folders]
    if len(folders) > LISTED:
        folders[LISTED:] = [f"{len(folders) - LISTED:,} more; --json lists them"]
    told = [
        f"passed over: {', '.join(kinds)}" if kinds else "",
        f"no picture in: {', '.join(folders)}" if folders else "",
    ]
    return "; ".join(part for part in told if part)


def _list(show: Callable[[str], None], kind: str, entries: list[str], total: int) -> None:
    for entry in entries[:LISTED]:
        show(f"{kind}: {entry}")
    if total > LISTED:
        show(f"{kind}: {total - LISTED:,} more; --json lists them")

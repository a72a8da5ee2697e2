"""`onelook train`: what can be learned from pictures: a backbone, a Siamese head."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .backgrounds import read_places
from .command import ExitCode, command
from .options import (
    BackboneOption,
    DeviceOption,
    GalleryOption,
    GalleryPlace,
    JsonOption,
    RuntimeOption,
    open_recognizer,
)
from .output import Output
from .table import Column

if TYPE_CHECKING:
    from ..training.fine_tuning import FineTuningReport
    from ..training.judging import Estimate
    from ..training.loop import Progress
    from ..tuning.heads import HeadReport

_PLACE = 320  # pixels of a background's short side, about

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def train() -> None:
    """Learn from pictures: a backbone, or a gallery's Siamese head."""


@app.command("backbone")
@command
def train_backbone(
    output: Output,
    out: Annotated[Path, typer.Option(help="The folder that becomes the backbone.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Labelled pictures, one a class or more: folder or manifest."),
    ] = None,
    gallery: Annotated[
        str | None,
        typer.Option(
            "--gallery",
            "-g",
            metavar="GALLERY",
            parser=GalleryPlace,
            help="Train on the kept pictures of a gallery instead, from its backbone.",
        ),
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(help="Real queries of these classes: to judge by, never trained on."),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(help="Other labelled pictures, several a class: tell what is lost on them."),
    ] = None,
    backgrounds: Annotated[
        Path | None, typer.Option(help="Photographs of places, to be behind the things.")
    ] = None,
    base: Annotated[str | None, typer.Option("--from", help="The backbone to start from.")] = None,
    freeze: Annotated[
        list[str] | None, typer.Option(help="A stage to leave as it is; may be repeated.")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=32, help="Side of the pictures trained on; on a CPU 160 if not given."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="At most so many epochs.")] = None,
    photographs: Annotated[
        int | None, typer.Option(min=1, help="Photographs made in an epoch.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many epochs without a gain.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0.0)] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=2, help="Pictures in a batch, each with a photograph.")
    ] = None,
    fpir: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="FPIR whose TPIR decides.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same weights.")] = None,
    keep_regression: Annotated[
        bool, typer.Option(help="Write the backbone even where it is no better.")
    ] = False,
    json_output: JsonOption = False,
) -> ExitCode:
    """Train a backbone on photographs, never taken, of pictures of which one a class is enough.

    Some of the classes are held out and judge it before and after, as do real queries if given; it
    becomes a backbone, to be used by --backbone OUT, only if it got better. Killed, it goes on when
    started again. The exit code is 1 if it got no better.
    """
    from ..bulk.sources import items
    from ..gallery import Gallery
    from ..slim import needing

    with needing("training a network"):
        from ..training.fine_tuning import FineTuning, FurtherPictures, fine_tune
        from ..training.pictures import Pictures, kept_pictures

    def labelled(source: Path) -> Pictures:
        return [(item.label, item.image) for item in items(source)]

    if (data is None) == (gallery is None):
        raise typer.BadParameter("expected --data or --gallery, one of them")
    pictures: Pictures
    if gallery is not None:
        with Gallery.open(gallery[:], read_only=True) as opened:
            pictures = kept_pictures(opened)
            base = base or opened.catalog.state().space.backbone
    elif data is not None:
        pictures = labelled(data)
    given = {
        "base": base,
        "frozen": tuple(freeze) if freeze else None,
        "size": size,
        "epochs": epochs,
        "photographs": photographs,
        "patience": patience,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "fpir": fpir,
        "seed": seed,
        "promote_regression": keep_regression,
    }
    settings = FineTuning(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    evidence = FurtherPictures(
        queries=None if queries is None else labelled(queries),
        keep=None if keep is None else labelled(keep),
        backgrounds=() if backgrounds is None else read_places(backgrounds, _PLACE),
    )
    result = fine_tune(
        pictures, out, settings, evidence=evidence, on_progress=partial(_show_progress, output)
    )
    for reject in result.rejects[:10]:
        output.error(f"{reject.source}: {reject.reason}")
    if json_output:
        output.json(_as_json(result))
    else:
        _print(output, result, out)
    return ExitCode.SUCCESS if result.promoted else ExitCode.FAILURE


@app.command("head")
@command
def train_head(
    output: Output,
    gallery: GalleryOption,
    data: Annotated[
        Path | None,
        typer.Option(help="Labelled pictures: folder of folders, folder of files, or manifest."),
    ] = None,
    activate: Annotated[
        bool, typer.Option("--activate", help="Put the head in force whatever comes out.")
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take the head out of force and forget it.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same head.")] = 0,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    json_output: JsonOption = False,
) -> ExitCode:
    """Train the Siamese head: how probable it is that two pictures show the same class.

    Labelled pictures (--data) meet the enrolled ones of their classes. Without them the gallery
    alone is used, with augmented views. The head is judged beside cosine on classes held out, and
    comes into force for `verify` and `recognize` only if it is better there, on real pictures,
    beyond chance. The exit code is 1 if it didn't, 3 if some pictures could not be read.
    """
    if remove and (data is not None or activate):
        raise typer.BadParameter("--remove takes neither --data nor --activate")
    with open_recognizer(gallery, backbone=backbone, device=device, runtime=runtime) as recognizer:
        if remove:
            removed = recognizer.remove_head()
            output.done(
                f"{gallery}: " + ("the Siamese head is removed" if removed else "there was no head")
            )
            return ExitCode.SUCCESS
        report = recognizer.train_head(data, activate=activate, seed=seed)
    for reject in report.rejects[:10]:
        output.error(f"{reject.source}: {reject.reason}")
    if json_output:
        output.json(report.to_json())
    else:
        _print_head(output, report)
    if not report.active:
        return ExitCode.FAILURE
    return ExitCode.REJECTED if report.rejects else ExitCode.SUCCESS


def _print_head(output: Output, report: HeadReport) -> None:
    from ..evaluation.report.wording import number, span

    judgement = report.judgement
    kind = "real pictures" if judgement.real else "augmented views: an upper bound"
    output.line(
        f"Trained on {report.method}: {report.pictures:,} of {report.classes:,} classes. Judged on "
        f"classes held out in turn: {judgement.queries:,} queries of {judgement.classes:,} "
        f"classes ({kind})."
    )
    rows = []
    for name, title in (
        ("auroc", "verification, AUROC"),
        ("eer", "verification, equal error rate"),
        ("top_1", "one-shot, right class first"),
    ):
        versus = judgement.figures[name]
        sides = [versus.cosine, versus.head, versus.gain]
        rows.append((title, *(text for side in sides for text in (number(side), span(side)))))
    titles = ("on unseen classes", "cosine", "95 %", "head", "95 %", "gain", "95 %")
    output.table([Column(title, right=bool(place)) for place, title in enumerate(titles)], rows)
    output.line(report.verdict, style="green" if report.active else "yellow")


def _show_progress(output: Output, progress: Progress) -> None:
    held_out = "" if progress.held_out is None else f", on held-out classes {progress.held_out:.1%}"
    output.note(
        f"epoch {progress.epoch} of {progress.epochs}: loss {progress.loss:.3f}{held_out}, "
        f"{progress.seconds:.0f} s"
    )


def _print(output: Output, result: FineTuningReport, out: Path) -> None:
    output.line(
        f"Trained on {result.training_classes:,} classes, stopped by {result.stopping_classes:,} "
        f"others, judged on {result.judging_classes:,} more; best epoch {result.best_epoch}, "
        f"{result.share:.0%} of the way from the base's weights."
    )
    for judgement in result.judgements:
        rows = [
            (name, *(text for side in sides for text in (f"{side.value:.1%}", _span(side))))
            for name, versus in judgement.figures.items()
            for sides in [(versus.before, versus.after, versus.gain)]
        ]
        title = f"{judgement.name} ({judgement.classes:,} classes, {judgement.queries:,} queries)"
        titles = (title, "before", "95 %", "after", "95 %", "gain", "95 %")
        output.table([Column(text, right=bool(place)) for place, text in enumerate(titles)], rows)
    if result.promoted:
        output.done(f"use it by --backbone {out}")
    else:
        output.warning(
            f"it is no better than before on {result.decisive}, so no backbone was written."
        )


def _span(estimate: Estimate) -> str:
    return f"{estimate.low:.1%} to {estimate.high:.1%}"


def _as_json(result: FineTuningReport) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(result)

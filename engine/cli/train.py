"""`onelook train`: what can be learned from labelled pictures."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.command import ExitCode, command
from engine.cli.options import JsonOption
from engine.cli.output import Output
from engine.cli.table import Column

if TYPE_CHECKING:
    from engine.training.fine_tuning import FineTuned
    from engine.training.held_out import Estimate
    from engine.training.loop import Progress

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def train() -> None:
    """Learn from labelled pictures."""


@app.command("backbone")
@command
def train_backbone(
    output: Output,
    data: Annotated[Path, typer.Option(help="Labelled pictures: folder of folders, or manifest.")],
    out: Annotated[Path, typer.Option(help="The folder that becomes the backbone.")],
    base: Annotated[str | None, typer.Option("--from", help="The backbone to start from.")] = None,
    loss: Annotated[str | None, typer.Option(help="contrastive, arcface, cosface, ...")] = None,
    freeze: Annotated[
        list[str] | None, typer.Option(help="A stage to leave as it is; may be repeated.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data.")] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many epochs without a gain.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0.0)] = None,
    batch_size: Annotated[int | None, typer.Option(min=2)] = None,
    fpir: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="FPIR at which TPIR is measured.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same weights.")] = None,
    keep_regression: Annotated[
        bool, typer.Option(help="Write the backbone even where it is no better.")
    ] = False,
    json_output: JsonOption = False,
) -> ExitCode:
    """Fine-tune a backbone so that cosine separates classes it has never seen.

    Some of the classes are held out and judge it before and after; it becomes a backbone, to be
    used by --backbone OUT, only if it got better. Killed, it goes on when started again. The exit
    code is 1 if it got no better.
    """
    from engine.bulk.sources import items
    from engine.training.fine_tuning import FineTuning, fine_tune

    given = {
        "base": base,
        "loss": loss,
        "frozen": tuple(freeze) if freeze else None,
        "epochs": epochs,
        "patience": patience,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "fpir": fpir,
        "seed": seed,
        "promote_regression": keep_regression,
    }
    settings = FineTuning(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    pictures = ((item.label, item.image) for item in items(data))
    result = fine_tune(pictures, out, settings, on_progress=partial(_show_progress, output))
    for reject in result.rejects[:10]:
        output.error(f"{reject.source}: {reject.reason}")
    if json_output:
        output.json(_as_json(result))
    else:
        _print(output, result, settings.fpir, out)
    return ExitCode.SUCCESS if result.promoted else ExitCode.FAILURE


def _show_progress(output: Output, progress: Progress) -> None:
    held_out = "" if progress.held_out is None else f", held-out TPIR {progress.held_out:.1%}"
    output.note(
        f"epoch {progress.epoch} of {progress.epochs}: loss {progress.loss:.3f}{held_out}, "
        f"{progress.seconds:.0f} s"
    )


def _print(output: Output, result: FineTuned, fpir: float, out: Path) -> None:
    output.line(
        f"Trained on {result.training_classes:,} classes, stopped by {result.stopping_classes:,} "
        f"others, judged on {result.judging_classes:,} more; best epoch {result.best_epoch}."
    )
    judged = result.judged
    rows = [
        (name, f"{estimate.value:.1%}", _span(estimate))
        for name, estimate in (
            ("before", judged.before),
            ("after", judged.after),
            ("gain", judged.gain),
        )
    ]
    titles = (f"TPIR at {fpir * 100:g} % FPIR", "value", "95 % interval")
    output.table([Column(title, right=title == "value") for title in titles], rows)
    if result.promoted:
        output.done(f"use it by --backbone {out}")
    else:
        output.warning("it is no better than before, so no backbone was written.")


def _span(estimate: Estimate) -> str:
    return f"{estimate.low:.1%} to {estimate.high:.1%}"


def _as_json(result: FineTuned) -> dict[str, object]:
    from dataclasses import asdict

    return asdict(result)

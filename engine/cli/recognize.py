"""`onelook recognize`: which class a picture shows, or that it shows none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.console import figure, print_json, print_table
from engine.cli.enroll import SOME_REJECTED
from engine.cli.options import (
    BackboneOption,
    DeviceOption,
    GalleryOption,
    JsonOption,
    RuntimeOption,
    open_recognizer,
    pictures,
)

if TYPE_CHECKING:
    from engine.types import Decision, Reject

COLUMNS = ("picture", "label", "similarity", "score", "threshold", "runner-up", "margin", "")
NUMERIC = ("similarity", "score", "threshold", "margin")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("recognize")(recognize)


def recognize(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures or folders.")],
    gallery: GalleryOption,
    top: Annotated[int, typer.Option("--top", min=1, help="How many candidates to list.")] = 5,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    json_output: JsonOption = False,
) -> None:
    """Decide which class each picture shows, or that it is unknown.

    The nearest class is the answer if the score reaches that class's own threshold. One unreadable
    picture among many gives an error line; the exit code is then 3.
    """
    rows, failed = [], 0
    with open_recognizer(gallery, backbone=backbone, device=device, runtime=runtime) as recognizer:
        for outcome in recognizer.try_recognize_many(pictures(images), candidates=top):
            failed += not hasattr(outcome, "label")
            if json_output:
                print_json(_json(outcome))
            else:
                rows.append(_row(outcome))
    if rows:
        print_table(COLUMNS, rows, numeric=NUMERIC)
    if failed:
        raise typer.Exit(SOME_REJECTED)


def _json(outcome: Decision | Reject) -> dict[str, Any]:
    """A decision's object; for a picture that can't be read the same keys, and the error."""
    from engine.types import Reject

    if not isinstance(outcome, Reject):
        return outcome.to_json()
    keys = ("label", "known", "reason", "ambiguous", "similarity", "score", "threshold", "margin")
    nothing: dict[str, Any] = dict.fromkeys(keys)
    return {
        "source": outcome.source,
        **nothing,
        "candidates": [],
        "space": None,
        "calibration": None,
        "error": outcome.reason,
    }


def _row(outcome: Decision | Reject) -> tuple[str, ...]:
    from engine.types import Reject

    name = Path(outcome.source).name
    if isinstance(outcome, Reject):
        return (name, "error", "–", "–", "–", outcome.reason, "–", "")
    runner_up = outcome.candidates[1].label if len(outcome.candidates) > 1 else "–"
    remark = "ambiguous" if outcome.ambiguous else ""
    if outcome.label is None and outcome.candidates:
        remark = f"nearest: {outcome.candidates[0].label}"
    return (
        name,
        outcome.label or "unknown",
        figure(outcome.similarity),
        figure(outcome.score),
        figure(outcome.threshold),
        runner_up,
        figure(outcome.margin),
        remark,
    )

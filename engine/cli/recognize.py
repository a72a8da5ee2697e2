"""`onelook recognize`: which class a picture shows, or that it shows none."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..filtering import Filter
from .command import ExitCode, command
from .options import (
    BackboneOption,
    BoxOption,
    DeviceOption,
    GalleryOption,
    ImagesArgument,
    JsonOption,
    RuntimeOption,
    WhereOption,
    open_recognizer,
)
from .output import Output
from .table import Cell, Column, Row
from .text import counted, figure, sides

if TYPE_CHECKING:
    from ..types import Decision, Reject

_FIGURES = tuple(
    Column(title, right=True)
    for title in ("stranger rate", "similarity", "score", "threshold", "margin")
)
TERMINAL_COLUMNS = (
    Column("picture", shrinks=True, keeps_end=True),
    Column("answer", shrinks=True),
    *_FIGURES,
    Column("nearest two", shrinks=True),
)
PLAIN_COLUMNS = (
    Column("picture"),
    Column("answer"),
    *_FIGURES,
    Column("nearest"),
    Column("runner-up"),
    Column("ambiguous"),
    Column("region"),
)


app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def recognize(
    output: Output,
    images: ImagesArgument,
    gallery: GalleryOption,
    top: Annotated[int, typer.Option("--top", min=1, help="How many candidates --json lists.")] = 5,
    box: BoxOption = None,
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    where: WhereOption = None,
    together: Annotated[
        bool,
        typer.Option(
            "--together",
            help="Take out of each picture what all of these share as against the catalog.",
        ),
    ] = False,
    json_output: JsonOption = False,
    csv_output: Annotated[
        bool, typer.Option("--csv", help="Print CSV, with a column for each attribute.")
    ] = False,
) -> ExitCode:
    """Decide which class each picture shows, or that it is unknown.

    The nearest class is the answer if the score reaches that class's own threshold. The stranger
    rate is the share of strangers that would score as high. A picture that can't be read gives an
    error line and the exit code 3; the others are recognised.
    """
    from .decision_csv import write_csv
    from .pictures import queries

    if json_output and csv_output:
        raise typer.BadParameter("choose one of --json and --csv")
    among = Filter.parse(where or [])
    with open_recognizer(gallery, backbone=backbone, device=device, runtime=runtime) as recognizer:
        tally = _Tally()
        outcomes = tally.counted(
            recognizer.try_recognize_many(
                queries(images, box),
                candidates=max(top, 2),
                where=among,
                transductive=together,
            )
        )
        if csv_output:
            write_csv(sys.stdout, outcomes, recognizer.gallery.snapshot().attributes.names())
            for error in tally.errors:
                output.error(error)
        elif json_output:
            for outcome in outcomes:
                output.json(decision_json(outcome, top))
        else:
            if output.terminal:
                output.table(TERMINAL_COLUMNS, map(_terminal_row, outcomes))
                output.note(tally.summary(), style="dim")
            else:
                output.table(PLAIN_COLUMNS, map(_plain_row, outcomes))
            for error in tally.errors:
                output.error(error)
    return ExitCode.REJECTED if tally.errors else ExitCode.SUCCESS


class _Tally:
    """What came of the pictures so far."""

    def __init__(self) -> None:
        self.recognised = self.unknown = self.ambiguous = self.closer = 0
        self.errors: list[str] = []

    def counted(self, outcomes: Iterable[Decision | Reject]) -> Iterator[Decision | Reject]:
        """The outcomes as they come, counted."""
        from ..types import Reject

        for outcome in outcomes:
            if isinstance(outcome, Reject):
                self.errors.append(f"{outcome.source}: {outcome.reason}")
            else:
                self.recognised += outcome.known
                self.unknown += not outcome.known
                self.ambiguous += outcome.ambiguous
                self.closer += outcome.region is not None
            yield outcome

    def summary(self) -> str:
        """One line for a person."""
        unreadable = len(self.errors)
        total = self.recognised + self.unknown + unreadable
        parts = [f"{self.recognised:,} recognised", f"{self.unknown:,} unknown"]
        if unreadable:
            parts.append(f"{unreadable:,} unreadable")
        hint = f"; {self.ambiguous:,} ambiguous (≈: the two can't be told apart)"
        closer = f"; {self.closer:,} by a closer look (▣)"
        return (
            f"{counted(total, 'picture')}: {', '.join(parts)}"
            f"{hint if self.ambiguous else ''}{closer if self.closer else ''}"
        )


def decision_json(outcome: Decision | Reject, top: int) -> dict[str, Any]:
    """A decision's object; for a picture that can't be read the same keys, and the error."""
    from ..types import Reject

    if not isinstance(outcome, Reject):
        decision = outcome.to_json()
        return decision | {"candidates": decision["candidates"][:top]}
    keys = (
        "label", "known", "reason", "ambiguous", "similarity", "stranger_rate",
        "stranger_rate_interval", "score", "threshold", "margin", "text",
    )  # fmt: skip
    return {
        "source": outcome.source,
        **dict.fromkeys(keys),
        "candidates": [],
        "space": None,
        "calibration": None,
        "location": None,
        "region": None,
        "attributes": {},
        "refused": [],
        "error": outcome.reason,
    }


def _terminal_row(outcome: Decision | Reject) -> Row:
    from ..types import Reject

    if isinstance(outcome, Reject):
        return (outcome.source, Cell("unreadable", "red"), "", "", "", "", "", "")
    joint = " ≈ " if outcome.ambiguous else ", "
    return (
        outcome.source,
        Cell(outcome.label, "green") if outcome.label else Cell("unknown", "yellow"),
        *_figures(outcome),
        Cell(
            _closer(outcome, joint.join(_nearest_two(outcome)))
            + _by_text(outcome)
            + _refused(outcome),
            "" if outcome.ambiguous else "dim",
        ),
    )


def _plain_row(outcome: Decision | Reject) -> Row:
    from ..types import Reject

    if isinstance(outcome, Reject):
        return (outcome.source, "unreadable", "", "", "", "", "", "", "", "", "")
    nearest, runner_up = [*_nearest_two(outcome), "", ""][:2]
    answer = outcome.label or "unknown"
    ambiguous = "ambiguous" if outcome.ambiguous else ""
    figures, region = _figures(outcome), sides(outcome.region)
    return (outcome.source, answer, *figures, nearest, runner_up, ambiguous, region)


def _figures(outcome: Decision) -> tuple[str, ...]:
    figures = (outcome.similarity, outcome.score, outcome.threshold, outcome.margin)
    return (outcome.stranger_rate_in_words or "–", *map(figure, figures))


def _closer(outcome: Decision, nearest: str) -> str:
    """The mark stands in front, since what is long is cut at its end."""
    return nearest if outcome.region is None else f"▣ {nearest}; seen at {sides(outcome.region)}"


def _refused(outcome: Decision) -> str:
    return "".join(f"; {refusal.label} refuses" for refusal in outcome.refused)


def _by_text(outcome: Decision) -> str:
    return "" if outcome.text is None else f"; by the text {outcome.text!r}"


def _nearest_two(outcome: Decision) -> list[str]:
    return [candidate.label for candidate in outcome.candidates[:2]]

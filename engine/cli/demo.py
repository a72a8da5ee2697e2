"""`onelook demo`: the sample catalog, from enrolment to decisions, with no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .command import command
from .options import BackboneOption, DeviceOption, RuntimeOption
from .output import Output
from .table import Cell, Column, Row
from .text import figure

if TYPE_CHECKING:
    from ..demo import DemoResult
    from ..types import Decision

EXAMPLES = 4
"""How many decisions of each kind are shown."""

SHEET = "onelook-demo.png"
SUMMARY_COLUMNS = (Column("what came out"), Column("", right=True), Column("", right=True))
EXAMPLE_COLUMNS = (
    Column("examples"),
    Column("picture shows", shrinks=True),
    Column("nearest class", shrinks=True),
    Column("stranger rate", right=True),
    Column("similarity", right=True),
    Column("score", right=True),
    Column("threshold", right=True),
)

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
@command
def demo(
    output: Output,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where to write the contact sheet.")
    ] = Path(),
    backbone: BackboneOption = None,
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
) -> None:
    """Enroll a sample catalog, recognise pictures, refuse strangers."""
    from ..demo import run_demo

    sheet = out / SHEET
    result = run_demo(
        sheet,
        lambda step: output.note(f"… {step}", style="cyan"),
        backbone=backbone,
        device=device,
        runtime=runtime,
    )
    output.line("")
    output.table(SUMMARY_COLUMNS, _summary(result))
    output.line("")
    output.table(EXAMPLE_COLUMNS, _examples(result))
    output.line("")
    output.line("Catalog and queries show the same things drawn by different hands, and there is")
    output.line("one picture of each to learn from. Of the strangers, drawn by the queries' hand,")
    output.line("none is in the catalog. The photographs were never taken: they are made of")
    output.line("catalog pictures, as of careful hands, with strangers lying about.")
    output.line("")
    output.line(f"contact sheet: {sheet.absolute()}", style="bold")


def _summary(result: DemoResult) -> list[Row]:
    known, strangers = len(result.known), len(result.strangers)
    photographs = len(result.photographs)
    return [
        ("classes enrolled, one picture each", str(result.classes), ""),
        ("queries whose nearest class is right (top-1)", *_share(result.top1, known)),
        ("queries given their right label", *_share(result.accepted, known)),
        ("queries given a wrong label", *_share(result.mistaken, known)),
        ("strangers called unknown", *_share(result.refused, strangers)),
        (
            "synthetic photographs given their right label",
            *_share(result.photographs_accepted, photographs),
        ),
        ("… a wrong label", *_share(result.photographs_mistaken, photographs)),
        (
            "… for which local features were needed, and outlined",
            *_share(result.outlined, photographs),
        ),
        ("pictures enrolled a second", f"{result.classes / result.enroll_seconds:.0f}", ""),
        ("milliseconds a query, decoding included", f"{result.query_milliseconds:.1f}", ""),
    ]


def _share(count: int, total: int) -> tuple[str, str]:
    return f"{count} of {total}", f"{count / total:.0%}"


def _examples(result: DemoResult) -> list[Row]:
    from ..demo import truth

    groups: tuple[tuple[str, str, list[Decision]], ...] = (
        ("right", "green", [d for d in result.known if d.label == truth(d)]),
        ("wrong", "red", [d for d in result.known if d.label not in (None, truth(d))]),
        ("known, held unknown", "yellow", [d for d in result.known if d.label is None]),
        ("stranger, unknown", "green", [d for d in result.strangers if d.label is None]),
        ("stranger, accepted", "red", [d for d in result.strangers if d.label is not None]),
    )
    return [
        (
            Cell(name if number == 0 else "", style),
            truth(decision),
            decision.candidates[0].label,
            decision.stranger_rate_in_words,
            figure(decision.similarity),
            figure(decision.score),
            figure(decision.threshold),
        )
        for name, style, decisions in groups
        for number, decision in enumerate(_spread(decisions))
    ]


def _spread(decisions: Sequence[Decision]) -> Sequence[Decision]:
    """A few of them, evenly spaced, so that no good ones are picked out."""
    return decisions[:: max(1, -(-len(decisions) // EXAMPLES))][:EXAMPLES]

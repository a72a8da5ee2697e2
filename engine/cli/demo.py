"""`onelook demo`: the sample catalog, from enrolment to decisions, with no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.console import figure, print_table

if TYPE_CHECKING:
    from engine.demo import DemoResult
    from engine.types import Decision

EXAMPLES = 4


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    out: Annotated[Path, typer.Option(help="Where to write the contact sheet.")] = Path(
        "onelook-demo.png"
    ),
) -> None:
    """Enroll a sample catalog, recognise pictures by another hand, and refuse strangers."""
    from engine.demo import run_demo

    result = run_demo(out, lambda step: typer.secho(f"… {step}", fg="cyan", err=True))
    _print_summary(result)
    _print_examples(result)
    typer.echo(
        "\nCatalog and queries show the same things drawn by different hands, one picture each to\n"
        "learn from. A gallery that holds its strangers back holds some known things back too;\n"
        "more evidence loosens it."
    )
    typer.echo(f"contact sheet: {out.absolute()}")


def _print_summary(result: DemoResult) -> None:
    known, strangers = len(result.known), len(result.strangers)
    rows = [
        ("classes enrolled, one picture each", str(result.classes), ""),
        ("queries whose nearest class is right", *_share(result.top1, known)),
        ("queries given the right label", *_share(result.accepted, known)),
        ("queries given a wrong label", *_share(result.mistaken, known)),
        ("strangers called unknown", *_share(result.refused, strangers)),
        ("enrolment, pictures a second", f"{result.classes / result.enroll_seconds:.0f}", ""),
        ("one query, milliseconds", f"{result.query_milliseconds:.0f}", ""),
    ]
    print_table(("onelook demo", "", "share"), rows, numeric=("", "share"))


def _spread(decisions: list[Decision]) -> list[Decision]:
    """A few of them, evenly spaced."""
    return decisions[:: max(1, len(decisions) // EXAMPLES)][:EXAMPLES]


def _share(count: int, total: int) -> tuple[str, str]:
    return f"{count} of {total}", f"{count / total:.0%}"


def _print_examples(result: DemoResult) -> None:
    from engine.demo import truth

    groups: tuple[tuple[str, list[Decision]], ...] = (
        ("right", [d for d in result.known if d.label == truth(d)]),
        ("held unknown", [d for d in result.known if d.label is None]),
        ("wrong", [d for d in result.known if d.label not in (None, truth(d))]),
        ("stranger refused", [d for d in result.strangers if d.label is None]),
        ("stranger accepted", [d for d in result.strangers if d.label is not None]),
    )
    rows = [
        (
            name if number == 0 else "",
            truth(decision),
            decision.candidates[0].label,
            figure(decision.similarity),
            figure(decision.score),
            figure(decision.threshold),
        )
        for name, decisions in groups
        for number, decision in enumerate(_spread(decisions))
    ]
    columns = ("verdict", "query", "nearest class", "similarity", "score", "threshold")
    print_table(columns, rows, numeric=columns[3:])

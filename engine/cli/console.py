"""Printing for people and for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer


def printable(text: str) -> str:
    """Text without control characters or lone surrogates, which terminals and pipes choke on."""
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return safe.encode("utf-8", "backslashreplace").decode()


def complain(text: str) -> None:
    """One line on standard error, red on a terminal."""
    typer.secho(text, fg="red", err=True)


def note(text: str) -> None:
    """One line on standard error, yellow on a terminal."""
    typer.secho(text, fg="yellow", err=True)


def print_json(value: Any) -> None:
    """One JSON object on a line of its own."""
    sys.stdout.write(json.dumps(value, ensure_ascii=True, default=str) + "\n")


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, numeric: Iterable[str] = ()
) -> None:
    """A table; `numeric` columns are aligned to the right. Cells are made printable."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    right = set(numeric)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(Text, cell) for cell in row))
    Console(soft_wrap=False, width=None if sys.stdout.isatty() else 120).print(table)


_COLOURS = {"unknown": "dim", "error": "red"}


def _cell(text: Any, cell: str) -> Any:
    return text(printable(cell), style=_COLOURS.get(cell, ""))


def figure(value: float | None) -> str:
    """A similarity with three digits, or a dash."""
    return "–" if value is None else f"{value:.3f}"

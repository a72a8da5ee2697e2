"""Decisions as CSV: for spreadsheets, and for programs that look up a price."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from ..types import Decision, Reject
from .text import sides

COLUMNS = (
    "source", "label", "reason", "stranger_rate", "similarity", "score", "threshold", "margin",
    "error", "region",
)  # fmt: skip


def write_csv(
    stream: TextIO, outcomes: Iterable[Decision | Reject], attributes: Sequence[str]
) -> None:
    """A line of titles, then each outcome as it comes (RFC 4180).

    Args:
        attributes: a column `attribute:NAME` for each; its cell is empty where the answer has none.
    """
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*COLUMNS, *(f"attribute:{name}" for name in attributes)])
    for outcome in outcomes:
        if isinstance(outcome, Reject):
            row: dict[str, Any] = {"source": outcome.source, "error": outcome.reason}
            held: dict[str, Any] = {}
        else:
            row = outcome.to_json() | {"region": sides(outcome.region)}
            held = dict(outcome.attributes)
        writer.writerow(
            [_cell(row.get(column)) for column in COLUMNS]
            + [_cell(held.get(name)) for name in attributes]
        )
        stream.flush()


def _cell(value: object) -> str:
    """Text as it is, nothing for nothing, else as JSON; never what a spreadsheet would run."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in "=+-@\t\r" and text else text

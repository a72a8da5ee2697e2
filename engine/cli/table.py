"""Tables that are printed as their rows come: columns on a terminal, tabs elsewhere.

The first rows are gathered to find out how wide the columns must be; later ones are cut to fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, TextIO

from .text import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

GATHERED = 32
_GAP = 2
_LEAST = 8
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        title: what stands above it.
        right: whether its values are flush right, as numbers are.
        shrinks: whether its values may be cut where the terminal is too narrow for all columns.
        keeps_end: whether a cut takes away a value's beginning, as suits a file's path.
    """

    title: str
    right: bool = False
    shrinks: bool = False
    keeps_end: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A value and how it looks on a terminal."""

    text: str
    style: str = ""


Row = Sequence[Cell | str]


def write_plain(stream: TextIO, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """A line of titles and a line for each row, between tabs."""
    stream.write("\t".join(column.title for column in columns) + "\n")
    for row in rows:
        stream.write("\t".join(cell.text for cell in _cells(row)) + "\n")


def write_table(console: Console, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Columns under bold titles; nothing at all without rows."""
    stream = map(_cells, rows)
    first = list(islice(stream, GATHERED))
    if not first:
        return
    widths = _widths(columns, first, console.width)
    titles = [Cell(column.title, "bold") for column in columns]
    for cells in chain([titles], first, stream):
        console.print(_laid_out(columns, cells, widths))


def _cells(row: Row) -> list[Cell]:
    return [
        Cell(printable(cell)) if isinstance(cell, str) else Cell(printable(cell.text), cell.style)
        for cell in row
    ]


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], room: int) -> list[int]:
    """Each column as wide as its widest value; the widest are cut until all of them fit."""
    from rich.cells import cell_len

    widths = [
        max(cell_len(text) for text in (column.title, *(row[place].text for row in rows)))
        for place, column in enumerate(columns)
    ]
    excess = sum(widths) + _GAP * (len(columns) - 1) - room
    shrinking = [place for place, column in enumerate(columns) if column.shrinks]
    while excess > 0 and shrinking:
        widest = max(shrinking, key=widths.__getitem__)
        if widths[widest] <= _LEAST:
            break
        widths[widest] -= 1
        excess -= 1
    return widths


def _laid_out(columns: Sequence[Column], cells: Sequence[Cell], widths: Sequence[int]) -> Text:
    from rich.text import Text

    line = Text(" " * _GAP).join(
        Text(text, style=cell.style)
        for cell, text in zip(cells, _fitted(columns, cells, widths), strict=True)
    )
    line.rstrip()
    return line


def _fitted(
    columns: Sequence[Column], cells: Sequence[Cell], widths: Sequence[int]
) -> Iterator[str]:
    from rich.cells import cell_len

    for column, cell, width in zip(columns, cells, widths, strict=True):
        text = _cut(cell.text, width, keeps_end=column.keeps_end)
        padding = " " * (width - cell_len(text))
        yield padding + text if column.right else text + padding


def _cut(text: str, width: int, *, keeps_end: bool) -> str:
    from rich.cells import cell_len

    if cell_len(text) <= width:
        return text
    while cell_len(text) > width - 1:
        text = text[1:] if keeps_end else text[:-1]
    return _ELLIPSIS + text if keeps_end else text + _ELLIPSIS

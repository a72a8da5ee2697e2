"""What is printed is safe, fits, and can be read back."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from engine.cli.table import Cell, Column, write_plain, write_table
from engine.cli.text import (
    counted,
    figure,
    file_size,
    holdings,
    json_line,
    outlook_lines,
    printable,
)
from engine.types import Outlook

COLUMNS = (
    Column("picture", shrinks=True, keeps_end=True),
    Column("class", shrinks=True),
    Column("similarity", right=True),
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Größe 猫.png", "Größe 猫.png"),
        ("\U0001f469\u200d\U0001f467", "\U0001f469\u200d\U0001f467"),
        ("two\nlines\tand a tab", "two\\nlines\\tand a tab"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31mred", "\\x9b31mred"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("caf\udce9", "caf\\udce9"),
        ("[red]x[/red]", "[red]x[/red]"),
    ],
)  # fmt: skip
def test_what_a_terminal_would_obey_is_escaped_and_all_else_left_alone(
    text: str, shown: str
) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_json_line_is_one_safe_line_that_reads_back_the_same(ascii_only: bool) -> None:
    value = {"source": "\x1b[31m\x9b\u2028\u202e\n Größe \udce9", "label": None, "k": [1, 0.5]}

    line = json_line(value, ascii_only=ascii_only)

    assert json.loads(line) == value
    assert printable(line) == line
    assert line.isascii() is ascii_only


def test_json_keeps_letters_readable() -> None:
    assert json_line({"label": "Größe 猫"}) == '{"label": "Größe 猫"}'


def test_figures_counts_and_sizes_read_well() -> None:
    assert figure(0.12345) == "0.123"
    assert figure(None) == "–"
    assert counted(1, "class", "classes") == "1 class"
    assert counted(2500, "class", "classes") == "2,500 classes"
    assert holdings(1, 2) == "1 class, 2 examples"
    sizes = [file_size(n) for n in (1, 999, 1000, 1_500_000, 2_000_000_000, 10**13)]
    assert sizes == ["1 byte", "999 bytes", "1.0 kB", "1.5 MB", "2.0 GB", "10,000.0 GB"]


def _shown(rows: list[tuple[Cell | str, ...]], width: int) -> list[str]:
    stream = io.StringIO()
    write_table(Console(file=stream, width=width, soft_wrap=True), COLUMNS, rows)
    return stream.getvalue().splitlines()


def test_what_to_expect_of_a_gallery_reads_the_same_wherever_it_is_told() -> None:
    outlook = Outlook(0.05, 0.3, (0.25, 0.36), "synthetic photographs", 0.4, ("that is little",))
    assert outlook_lines(None) == []
    assert outlook_lines(outlook) == [
        "expected: 30% (25% to 36%) of synthetic photographs given their label, at most 5 % of "
        "strangers given one",
        "! that is little",
    ]


def test_a_table_is_as_wide_as_its_values() -> None:
    rows: list[tuple[Cell | str, ...]] = [("a.png", Cell("cat", "red"), "0.5"), ("b", "猫", "0.25")]

    assert _shown(rows, 80) == [
        "picture  class  similarity",
        "a.png    cat           0.5",
        "b        猫           0.25",
    ]


def test_a_narrow_terminal_cuts_paths_at_their_beginning_and_labels_at_their_end() -> None:
    rows: list[tuple[Cell | str, ...]] = [
        ("a/very/long/path/to/a/picture.png", "a rather long label", "0.5")
    ]

    assert _shown(rows, 40) == [
        "picture        class          similarity",
        "…/picture.png  a rather lon…         0.5",
    ]


def test_rows_after_the_first_ones_are_cut_to_the_columns() -> None:
    rows: list[tuple[Cell | str, ...]] = [("a", "b", "0.5")] * 40 + [("a" * 50, "b", "0.5")]

    assert _shown(rows, 80)[-1] == "…aaaaaa  b             0.5"


def test_a_table_without_rows_prints_nothing_on_a_terminal() -> None:
    assert _shown([], 80) == []


def test_elsewhere_values_stand_between_tabs_in_full() -> None:
    stream = io.StringIO()

    write_plain(stream, COLUMNS, [("a\tb\nc" * 20, Cell("cat", "red"), "0.5")])

    assert stream.getvalue() == ("picture\tclass\tsimilarity\n" + "a\\tb\\nc" * 20 + "\tcat\t0.5\n")

"""Manifests as spreadsheets save them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.bulk.notes import ListingNotes
from engine.bulk.sources import items
from engine.errors import ManifestError

PLAIN = "path,label,price\r\nä.jpg,Bär,3\r\n"
SEMICOLONS = 'Path;LABEL;price\r\nä.jpg;"Bär";3\r\n;;\r\n'


@pytest.mark.parametrize(
    ("data", "remarks"),
    [
        (PLAIN.encode(), []),
        (PLAIN.encode("utf-8-sig"), []),
        (PLAIN.encode("utf-16"), []),
        (SEMICOLONS.encode("utf-8-sig"), ["semicolons"]),
        (SEMICOLONS.encode("cp1252"), ["semicolons", "Windows-1252"]),
        (("sep=;\r\n" + SEMICOLONS).encode(), ["semicolons"]),
        (SEMICOLONS.replace(";", "\t").encode("utf-16"), ["tabs"]),
        (PLAIN.encode("cp1252"), ["Windows-1252"]),
    ],
)
def test_every_way_gives_the_same_row(tmp_path: Path, data: bytes, remarks: list[str]) -> None:
    table = tmp_path / "list.csv"
    table.write_bytes(data)
    notes = ListingNotes()

    [item] = items(table, notes=notes)

    assert (item.label, item.image) == ("Bär", tmp_path / "ä.jpg")
    assert item.attributes == {"price": "3"}
    said = " ".join(notes.remarks)
    assert len(notes.remarks) == bool(remarks)
    assert all(part in said for part in remarks)


def workbook(path: Path, *rows: tuple[object, ...]) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.create_sheet("another").append(("nothing", "of", "interest"))
    book.save(path)
    return path


def test_a_workbook_gives_what_a_table_gives(tmp_path: Path) -> None:
    table = workbook(
        tmp_path / "list.xlsx",
        (),
        ("Path", "LABEL", "price", "x0", "y0", "x1", "y1", "sold"),
        ("ä.jpg", "Bär", 3.0, None, None, None, None, None),
        (None, None, None),
        ("b.jpg", 4711, 8.9, 10, 20.0, 300, 400, True),
    )

    bear, number = items(table)

    assert (bear.label, bear.image) == ("Bär", tmp_path / "ä.jpg")
    assert bear.attributes == {"price": "3"}
    assert (number.label, number.source) == ("4711", f"{tmp_path}/b.jpg#box=10,20,300,400")
    assert number.attributes == {"price": "8.9", "sold": "True"}


def test_a_workbook_without_the_columns_or_damaged_says_so(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="expected the columns 'path' and 'label'"):
        list(items(workbook(tmp_path / "a.xlsx", ("file", "name"), ("a.jpg", "cup"))))
    with pytest.raises(ManifestError, match=r"row 2: expected a text in the column 'label'"):
        list(items(workbook(tmp_path / "b.xlsx", ("path", "label"), ("a.jpg", None))))
    with pytest.raises(ManifestError, match="its first sheet is empty"):
        list(items(workbook(tmp_path / "c.xlsx")))
    (tmp_path / "d.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    with pytest.raises(ManifestError, match="can't be read as an Excel workbook"):
        list(items(tmp_path / "d.xlsx"))


def test_a_table_of_tabs_may_say_so_in_its_ending(tmp_path: Path) -> None:
    (tmp_path / "list.tsv").write_text("label\tpath\nthing\ta.jpg\n")
    assert [item.label for item in items(tmp_path / "list.tsv")] == ["thing"]


def test_paths_that_were_written_on_windows_are_found(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "odd\\name.jpg").touch()
    table = tmp_path / "list.csv"
    table.write_text("path,label\npictures\\1.jpg,one\nodd\\name.jpg,two\n")
    assert [item.image for item in items(table)] == [
        tmp_path / "pictures/1.jpg",
        tmp_path / "odd\\name.jpg",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file;label\na;b\n", "separated by commas, semicolons, tabs, but got 'file;label'"),
        ("sep=;\npath;label\na;\n", "row 3: expected a text"),
        ("path;label\na;b;c\n", "row 2: has more fields .* quoted"),
        ("x" * 100_000, r"\(100,002 characters\)"),
    ],
)
def test_faults_are_named_briefly(tmp_path: Path, text: str, message: str) -> None:
    table = tmp_path / "list.csv"
    table.write_text(text)
    with pytest.raises(ManifestError, match=message) as caught:
        list(items(table))
    assert len(str(caught.value)) < 500

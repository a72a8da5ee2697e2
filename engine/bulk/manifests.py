"""Manifests: tables of `path,label`, perhaps a box, and in further columns the class's attributes.

CSV (with a header), JSON Lines (UTF-8, one object a line), Parquet and the first sheet of an Excel
workbook (`.xlsx`); and annotations, COCO (`.json`) and YOLO (`.yaml`, `classes.txt`). A relative
path counts from the manifest's own folder, and an address in an object store (`s3://bucket/key`)
stands for itself. Rows are read as they are needed, never all at once; only COCO's file is held as
a whole.

A CSV may be as spreadsheets save it: separated by commas, semicolons or tabs, in UTF-8, UTF-16 or
Windows-1252, with a first line such as `sep=;`. What was taken for what is noted.
"""

from __future__ import annotations

import csv
import json
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator, Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path, PurePath
from typing import Any
from zipfile import BadZipFile

from ..boxes import Box
from ..errors import ManifestError, MissingPackageError, SettingsError
from ..slim import needing
from .coco import coco_files, coco_rows
from .notes import ListingNotes
from .remote import RemoteFile
from .rows import ManifestRow, shown
from .yolo import yolo_file, yolo_rows

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".xlsx"})
ANNOTATION_SUFFIXES = frozenset({".json", ".yaml", ".yml"})
MANIFEST_NAMES = frozenset({"classes.txt", "obj.names"})
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
COLUMNS = ("path", "label")
SIDES = ("x0", "y0", "x1", "y1")
"""The columns that say which part of a picture shows the class; all of them, or none."""

KNOWN = (*COLUMNS, *SIDES)
_CHUNK = 1 << 20


def is_manifest(name: str) -> bool:
    """Whether a file of that name lists pictures."""
    path = PurePath(name)
    suffixes = TABLE_SUFFIXES | ANNOTATION_SUFFIXES
    return path.suffix.lower() in suffixes or path.name.lower() in MANIFEST_NAMES


def annotations_in(folder: Path) -> list[Path]:
    """The annotations that a folder of pictures comes with; usually none."""
    described = yolo_file(folder)
    found = [] if described is None else [described]
    return found or coco_files(folder)


def read_manifest(path: Path | RemoteFile, notes: ListingNotes) -> Iterator[ManifestRow]:
    """Read the rows of a table, or of annotations, in order.

    Args:
        notes: takes what was taken for what.

    Raises:
        ManifestError: the file isn't readable as its suffix says, or a row lacks `path` or
            `label`; the message names the file and the row.
    """
    suffix = path.suffix.lower()
    if suffix == ".json":
        yield from coco_rows(path, notes)
        return
    if suffix not in TABLE_SUFFIXES:
        if isinstance(path, RemoteFile):
            raise ManifestError(f"{path}: YOLO labels in an object store can't be read; copy them")
        yield from yolo_rows(path, notes)
        return
    rows = _csv_rows(path, notes) if suffix in (".csv", ".tsv") else _READERS[suffix](path)
    try:
        for number, row in rows:
            yield _checked(path, number, row)
    except (OSError, UnicodeError, csv.Error) as error:
        raise ManifestError(f"{path}: can't be read: {error}") from None


def _checked(path: Path | RemoteFile, number: int, row: Mapping[str, Any]) -> ManifestRow:
    attributes = dict(row)
    texts = {}
    for column in ("path", "label"):
        value = attributes.pop(column, None)
        if not isinstance(value, str) or not value.strip():
            raise ManifestError(
                f"{path}, row {number}: expected a text in the column {column!r}, but got "
                f"{shown(value)}"
            )
        texts[column] = value
    sides = [attributes.pop(side, None) for side in SIDES]
    kept = {name: value for name, value in attributes.items() if value not in (None, "")}
    return ManifestRow(texts["path"], texts["label"], kept, _box(path, number, sides))


def _box(path: Path | RemoteFile, number: int, sides: Sequence[Any]) -> Box | None:
    given = [None if isinstance(side, str) and not side.strip() else side for side in sides]
    if all(side is None for side in given):
        return None
    if None in given:
        raise ManifestError(
            f"{path}, row {number}: expected a number in each of the columns {', '.join(SIDES)}, "
            f"or in none, but got {shown(tuple(sides))}"
        )
    try:  # some spreadsheets write a decimal comma
        return Box.of([s.replace(",", ".") if isinstance(s, str) else s for s in given])
    except SettingsError as error:
        raise ManifestError(f"{path}, row {number}: {error}") from None


def _csv_rows(
    path: Path | RemoteFile, notes: ListingNotes
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    encoding = _encoding(path)
    with path.open("rb") as opened, TextIOWrapper(opened, encoding, newline="") as file:
        header, before = file.readline(), 1
        if header.lower().startswith("sep="):  # how some spreadsheets are told the separator
            header, before = file.readline(), 2
        separator, columns = _header(path, header)
        reader = csv.DictReader(file, columns, delimiter=separator)
        taken = [] if separator == "," else [f"{SEPARATORS[separator]} separate its columns"]
        if encoding not in ("utf-8-sig", "utf-16"):
            taken.append(
                "its text is no UTF-8 and was read as Windows-1252; save it as CSV UTF-8 if "
                "letters come out wrong"
            )
        if taken:
            notes.remarks.append(f"{path}: {' and '.join(taken)}")
        for row in reader:
            if not any(value for value in row.values()):
                continue  # spreadsheets write rows that were once filled as separators alone
            number = reader.line_num + before
            if None in row:
                raise ManifestError(
                    f"{path}, row {number}: has more fields than the header has columns; texts "
                    "that hold the separator must be quoted"
                )
            yield number, row


def _encoding(path: Path | RemoteFile) -> str:
    """UTF-8 or UTF-16 if the file is either, else Windows-1252, which most other tables are in."""
    with path.open("rb") as file:
        chunk = file.read(_CHUNK)
        if chunk.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            return "utf-16"
        decoder = getincrementaldecoder("utf-8")()
        try:
            while chunk:
                decoder.decode(chunk)
                chunk = file.read(_CHUNK)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _header(path: Path | RemoteFile, line: str) -> tuple[str, list[str]]:
    """A CSV's separator and columns; those that must be there may be written in any case."""
    for separator in SEPARATORS:
        names = [name.strip() for name in next(csv.reader([line], delimiter=separator), [])]
        columns = [name.lower() if name.lower() in KNOWN else name for name in names]
        if set(COLUMNS) <= set(columns):
            return separator, columns
    got = shown(line.strip()) if line.strip() else "an empty file"
    raise ManifestError(
        f"{path}: expected a header with the columns 'path' and 'label', separated by "
        f"{', '.join(SEPARATORS.values())}, but got {got}"
    )


def _jsonl_rows(path: Path | RemoteFile) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open("rb") as opened, TextIOWrapper(opened, "utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ManifestError(f"{path}, row {number}: isn't JSON: {error}") from None
            if not isinstance(row, dict):
                raise ManifestError(
                    f"{path}, row {number}: expected a JSON object, but got {shown(row)}"
                )
            yield number, row


def _parquet_rows(path: Path | RemoteFile) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with needing("a Parquet manifest"):
        import pyarrow  # heavy, and only this kind of manifest needs it
        import pyarrow.parquet

    try:
        with path.open("rb") as opened:
            table = pyarrow.parquet.ParquetFile(opened)
            missing = {"path", "label"} - set(table.schema_arrow.names)
            if missing:
                raise ManifestError(
                    f"{path}: expected the columns 'path' and 'label', "
                    f"but got {table.schema_arrow.names}"
                )
            number = 0
            for batch in table.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except pyarrow.ArrowException as error:
        raise ManifestError(f"{path}: can't be read as Parquet: {error}") from None


def _xlsx_rows(path: Path | RemoteFile) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of the first sheet, values as they were last calculated."""
    try:
        import openpyxl  # an extra
    except ModuleNotFoundError:
        raise MissingPackageError(
            f"{path}: to read Excel workbooks, run `pip install onelook[xlsx]`, or save the sheet "
            "as CSV UTF-8"
        ) from None
    columns: list[str] | None = None
    with path.open("rb") as opened:
        try:
            book = openpyxl.load_workbook(opened, read_only=True, data_only=True)
            rows = enumerate(book.worksheets[0].iter_rows(values_only=True), start=1)
            for number, cells in rows:
                texts = [_cell(cell) for cell in cells]
                if not any(text not in (None, "") for text in texts):
                    continue
                if columns is None:
                    columns = _sheet_columns(path, texts)
                    continue
                yield number, dict(zip(columns, texts, strict=False))
        except (OSError, ValueError, KeyError, IndexError, BadZipFile) as error:
            raise ManifestError(f"{path}: can't be read as an Excel workbook: {error}") from None
    if columns is None:
        raise ManifestError(f"{path}: its first sheet is empty")


def _sheet_columns(path: Path | RemoteFile, texts: Sequence[Any]) -> list[str]:
    names = ["" if text is None else str(text).strip() for text in texts]
    columns = [name.lower() if name.lower() in KNOWN else name for name in names]
    if not set(COLUMNS) <= set(columns):
        raise ManifestError(
            f"{path}: expected the columns 'path' and 'label' in the first row of the first sheet, "
            f"but got {shown(names)}"
        )
    return columns


def _cell(value: object) -> object:
    """A cell's value as a CSV of the sheet would hold it: text."""
    if value is None or isinstance(value, str):
        return value
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole and isinstance(value, float) else str(value)


_READERS = {
    ".jsonl": _jsonl_rows,
    ".ndjson": _jsonl_rows,
    ".parquet": _parquet_rows,
    ".xlsx": _xlsx_rows,
}

"""Manifests: tables of `path,label` and, in further columns, the class's attributes.

CSV (with a header), JSON Lines (UTF-8, one object a line) and Parquet; a relative path counts from
the manifest's own folder, and an address in an object store (`s3://bucket/key`) stands for itself.
Rows are read as they are needed, never all at once.

A CSV may be as spreadsheets save it: separated by commas, semicolons or tabs, in UTF-8, UTF-16 or
Windows-1252, with a first line such as `sep=;`. What was taken for what is noted.
"""

from __future__ import annotations

import csv
import json
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from ..errors import ManifestError
from ..slim import needing
from .notes import ListingNotes
from .remote import RemoteFile

MANIFEST_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"})
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
COLUMNS = ("path", "label")
_SHOWN = 100
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One picture that a manifest lists."""

    path: str
    label: str
    attributes: Mapping[str, Any]


def read_manifest(path: Path | RemoteFile, notes: ListingNotes) -> Iterator[ManifestRow]:
    """Read a manifest's rows in order.

    Args:
        notes: takes what was taken for what.

    Raises:
        ManifestError: the file isn't readable as its suffix says, or a row lacks `path` or
            `label`; the message names the file and the row.
    """
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        rows = _csv_rows(path, notes)
    else:
        rows = _parquet_rows(path) if suffix == ".parquet" else _jsonl_rows(path)
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
                f"{_shown(value)}"
            )
        texts[column] = value
    kept = {name: value for name, value in attributes.items() if value not in (None, "")}
    return ManifestRow(texts["path"], texts["label"], kept)


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
        columns = [name.lower() if name.lower() in COLUMNS else name for name in names]
        if set(COLUMNS) <= set(columns):
            return separator, columns
    got = _shown(line.strip()) if line.strip() else "an empty file"
    raise ManifestError(
        f"{path}: expected a header with the columns 'path' and 'label', separated by "
        f"{', '.join(SEPARATORS.values())}, but got {got}"
    )


def _shown(value: object) -> str:
    """A value as it is quoted in a message, of bounded length."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"


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
                    f"{path}, row {number}: expected a JSON object, but got {_shown(row)}"
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

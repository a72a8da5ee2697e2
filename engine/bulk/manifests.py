"""Manifests: tables of `path,label` and, in further columns, the class's attributes.

CSV (UTF-8, with a header), JSON Lines (one object a line) and Parquet; a relative path counts
from the manifest's own folder, and an address in an object
store (`s3://bucket/key`) stands for itself. Rows are read as they are needed, never all at once.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from engine.bulk.remote import RemoteFile
from engine.errors import ManifestError

MANIFEST_SUFFIXES = frozenset({".csv", ".jsonl", ".ndjson", ".parquet"})


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One picture that a manifest lists."""

    path: str
    label: str
    attributes: Mapping[str, Any]


def read_manifest(path: Path | RemoteFile) -> Iterator[ManifestRow]:
    """Read a manifest's rows in order.

    Raises:
        ManifestError: the file isn't readable as its suffix says, or a row lacks `path` or
            `label`; the message names the file and the row.
    """
    readers = {".csv": _csv_rows, ".parquet": _parquet_rows}
    reader = readers.get(path.suffix.lower(), _jsonl_rows)
    try:
        for number, row in reader(path):
            yield _checked(path, number, row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{path}: can't be read: {error}") from None


def _checked(path: Path | RemoteFile, number: int, row: Mapping[str, Any]) -> ManifestRow:
    attributes = dict(row)
    texts = {}
    for column in ("path", "label"):
        value = attributes.pop(column, None)
        if not isinstance(value, str) or not value.strip():
            raise ManifestError(
                f"{path}, row {number}: expected a text in the column {column!r}, but got {value!r}"
            )
        texts[column] = value
    kept = {name: value for name, value in attributes.items() if value not in (None, "")}
    return ManifestRow(texts["path"], texts["label"], kept)


def _csv_rows(path: Path | RemoteFile) -> Iterable[tuple[int, Mapping[str, Any]]]:
    with path.open("rb") as opened, TextIOWrapper(opened, "utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = {"path", "label"} - set(reader.fieldnames or ())
        if missing:
            raise ManifestError(
                f"{path}: expected a header with the columns 'path' and 'label', "
                f"but got {reader.fieldnames or 'an empty file'}"
            )
        for row in reader:
            if None in row:
                raise ManifestError(
                    f"{path}, row {reader.line_num}: has more fields than the header has columns"
                )
            yield reader.line_num, row


def _jsonl_rows(path: Path | RemoteFile) -> Iterable[tuple[int, Mapping[str, Any]]]:
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
                    f"{path}, row {number}: expected a JSON object, but got {row!r}"
                )
            yield number, row


def _parquet_rows(path: Path | RemoteFile) -> Iterable[tuple[int, Mapping[str, Any]]]:
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

"""Checking, copying and compacting a catalog's database."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Text, func, select, type_coerce
from sqlalchemy.sql import Executable

from ..errors import GalleryDamagedError, GalleryError, LabelError, ReadOnlyError, StorageError
from . import sqlite
from .database import Database
from .labels import normalised_label
from .models import (
    ChangeRow,
    ClassRow,
    CounterexampleEmbeddingRow,
    EmbeddingRow,
    ExampleRow,
    SpaceRow,
)
from .reading import CatalogReader
from .session import Session
from .vectors import DTYPE, has_unit_rows

_CONTENT_HASH = re.compile(r"[0-9a-f]{64}")
_UNUSED_SHARE = 0.1  # of its pages; above it, writing the file anew is worth the time


def integrity_problems(database: Database) -> list[str]:
    """What is wrong with a database, one sentence each."""
    if database.path is not None:
        with database.bare() as connection:
            try:
                found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
                broken = connection.execute("PRAGMA foreign_key_check").fetchall()
            except sqlite.Error as error:
                return [f"the database can't be read: {error}"]
        problems = [f"the database is damaged: {text}" for text in found if text != "ok"]
        problems += [
            f"row {row[1]} of the table {row[0]} refers to a row of {row[2]} that is gone"
            for row in broken
        ]
        if problems:
            return problems  # what else is found in a damaged file misleads
    try:
        with database.transaction() as transaction:
            checks = _Checks(Session(transaction))
            return [problem for check in checks.all() for problem in check]
    except GalleryDamagedError as error:
        return [str(error)]


def back_up(database: Database, destination: Path, *, tokens: bool) -> None:
    """Copy a database to a new file, consistently; without `tokens` none that the service takes."""
    path = _file(database, "a server's own tools back it up")
    if destination.exists():
        raise StorageError(f"{destination}: is there already; choose a path that is free")
    mode = "ro" if database.read_only else "rw"

    def finish(copy: sqlite.FileConnection) -> None:
        if not tokens:
            copy.execute("DELETE FROM token")
            copy.execute("VACUUM")  # pages that were free when they were copied may hold some

    sqlite.copy(
        path,
        destination,
        mode=mode,
        timeout=database.timeout,
        overwrite=False,
        finish=finish,
    )


def compact(database: Database) -> None:
    """Write the file anew where that makes it notably smaller."""
    _file(database, "its server compacts it by itself")
    if database.read_only:
        raise ReadOnlyError(f"{database.name} is read-only and can't be compacted")
    with database.bare() as connection:
        unused = connection.execute("PRAGMA freelist_count").fetchone()[0]
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        if unused > _UNUSED_SHARE * pages:
            connection.execute("VACUUM")


def _file(database: Database, otherwise: str) -> Path:
    if database.path is None:
        raise GalleryError(f"{database.name} is no file; {otherwise}")
    return database.path


class _Checks:
    """The catalog's own rules, which the database does not enforce."""

    def __init__(self, session: Session) -> None:
        self._session, self._reader = session, CatalogReader(session)

    def all(self) -> Iterator[Iterator[str]]:
        yield self._settings()
        yield self._classes()
        yield self._examples()
        for space_id, dimension in self._session.execute(
            select(SpaceRow.id, SpaceRow.dimension)
        ).all():
            row, other = EmbeddingRow, CounterexampleEmbeddingRow
            vectors = select(row.example_id, row.vector).where(row.space_id == space_id)
            yield self._vectors("example", vectors, space_id, dimension)
            vectors = select(other.counterexample_id, other.vector)
            vectors = vectors.where(other.space_id == space_id)
            yield self._vectors("counterexample", vectors, space_id, dimension)

    def _settings(self) -> Iterator[str]:
        state = self._reader.state()
        newest = self._session.execute(select(func.max(ChangeRow.generation))).scalar_one() or 0
        if newest > state.generation:
            yield f"the change log is at generation {newest}, the gallery at {state.generation}"
        if not 0 < state.target_fpir < 1:
            yield f"the target FPIR is {state.target_fpir}, but must lie between 0 and 1"

    def _classes(self) -> Iterator[str]:
        attributes = type_coerce(ClassRow.attributes, Text)
        for class_id, label, text in self._session.stream(
            select(ClassRow.id, ClassRow.label, attributes)
        ):
            try:
                normal = normalised_label(label) == label
            except LabelError:
                normal = False
            if not normal:
                yield f"class {class_id} has a label that can't be one: {label!r}"
            if not _is_json_object(text):
                yield f"class {class_id} ({label!r}) has attributes that are no JSON object"

    def _examples(self) -> Iterator[str]:
        columns = select(ExampleRow.id, ExampleRow.source, ExampleRow.content_hash)
        for example_id, source, content_hash in self._session.stream(columns):
            if not _CONTENT_HASH.fullmatch(content_hash):
                yield f"example {example_id} ({source}) has no SHA-256 as its content hash"
        active = self._reader.state().space.id
        embedded = select(EmbeddingRow.example_id).where(EmbeddingRow.space_id == active)
        missing = select(ExampleRow.id, ExampleRow.source).where(ExampleRow.id.not_in(embedded))
        for example_id, source in self._session.stream(missing):
            yield f"example {example_id} ({source}) has no embedding in the space {active}"

    def _vectors(
        self, what: str, query: Executable, space_id: str, dimension: int
    ) -> Iterator[str]:
        size = dimension * DTYPE.itemsize
        for rows in self._session.execute(query.execution_options(yield_per=4096)).partitions():
            whole = [(example_id, blob) for example_id, blob in rows if len(blob) == size]
            for example_id, blob in rows:
                if len(blob) != size:
                    yield (
                        f"the vector of {what} {example_id} in the space {space_id} has "
                        f"{len(blob)} bytes, expected {size}"
                    )
            vectors = np.frombuffer(b"".join(blob for _, blob in whole), DTYPE)
            unit = has_unit_rows(vectors.reshape(len(whole), dimension))
            for index in np.flatnonzero(~unit):
                yield (
                    f"the vector of {what} {whole[index][0]} in the space {space_id} is not "
                    "finite and of unit length"
                )


def _is_json_object(stored: Any) -> bool:
    try:
        return isinstance(json.loads(stored) if isinstance(stored, str) else stored, dict)
    except ValueError:
        return False

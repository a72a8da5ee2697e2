"""Examples: what is enrolled, from where, and the pictures that were kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from sqlalchemy import Row, Text, cast, func, select

from ..errors import LabelError
from ..types import ExampleRecord, IntArray
from .labels import bounded_source, normalised_label
from .models import ClassRow, ExampleRow, PictureRow
from .session import Session, can_be_id, chunks, id_chunks

_EXAMPLES = (
    select(
        ExampleRow.id,
        ExampleRow.class_id,
        ClassRow.label,
        ExampleRow.source,
        ExampleRow.content_hash,
        ExampleRow.width,
        ExampleRow.height,
        ExampleRow.created_at,
        ExampleRow.warnings,
        ExampleRow.origin,
    )
    .join(ClassRow, ClassRow.id == ExampleRow.class_id)
    .order_by(ExampleRow.id)
)


class ExampleReading:
    """Questions about examples, answered in id order. Ids that are not there are left out."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def listed(
        self, class_id: int | None = None, ids: Iterable[int] | None = None
    ) -> list[ExampleRecord]:
        """The examples of a class, or of the given ids, or both, or all."""
        if class_id is not None and not can_be_id(class_id):
            return []
        query = _EXAMPLES if class_id is None else _EXAMPLES.where(ExampleRow.class_id == class_id)
        if ids is None:
            return [_record(row) for row in self._session.execute(query)]
        return [
            _record(row)
            for chunk in id_chunks(sorted(ids))
            for row in self._session.execute(query.where(ExampleRow.id.in_(chunk)))
        ]

    def stream(self, *, origin: str | None = None, after_id: int = 0) -> Iterator[ExampleRecord]:
        """Every example, streamed; given an `origin`, those that came from that bulk source."""
        query = _EXAMPLES.where(ExampleRow.id > after_id)
        if origin is not None:
            query = query.where(ExampleRow.origin == origin)
        for row in self._session.stream(query):
            yield _record(row)

    def classes(self) -> tuple[IntArray, IntArray]:
        """All examples' ids, ascending, and their classes' ids, `(n,) int64` each.

        Each column comes as one text: a row of its own for every example takes twice as long.
        """
        columns = [cast(column, Text) for column in (ExampleRow.id, ExampleRow.class_id)]
        texts = select(*(func.aggregate_strings(column, ",") for column in columns))
        ids, class_ids = (
            np.fromstring(text, np.int64, sep=",") if text else np.empty(0, np.int64)
            for text in self._session.execute(texts).one()
        )
        order = np.argsort(ids, kind="stable")
        return ids[order], class_ids[order]

    def origins(self) -> list[str]:
        """The bulk sources that list examples, as text, in order."""
        query = select(ExampleRow.origin).where(ExampleRow.origin.is_not(None)).distinct()
        return sorted(self._session.execute(query).scalars())

    def sample(self, count: int) -> IntArray:
        """The ids of examples whose contents hash lowest, in that order: `(n,) int64`.

        As good as drawn at random, but the same whenever and in whatever order they were enrolled.
        """
        query = select(ExampleRow.id).order_by(ExampleRow.content_hash, ExampleRow.id).limit(count)
        return np.fromiter(self._session.execute(query).scalars(), np.int64)

    def of_content(self, content_hash: str) -> list[ExampleRecord]:
        """The examples made from exactly that content."""
        return self.of_contents([content_hash])

    def of_contents(self, content_hashes: Iterable[str]) -> list[ExampleRecord]:
        """The examples made from exactly those contents."""
        return [
            _record(row)
            for chunk in chunks(content_hashes)
            for row in self._session.execute(_EXAMPLES.where(ExampleRow.content_hash.in_(chunk)))
        ]

    def of_sources(self, sources: Iterable[str]) -> list[ExampleRecord]:
        """The examples made from those sources."""
        return [
            _record(row)
            for chunk in chunks(map(bounded_source, sources))
            for row in self._session.execute(_EXAMPLES.where(ExampleRow.source.in_(chunk)))
        ]

    def known_sources(
        self, sources: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], list[tuple[int, str]]]:
        """What is enrolled from those labels and sources: ids and content hashes.

        Keyed as asked, in whatever form the label was given.
        """
        asked: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for label, source in dict.fromkeys(sources):
            with suppress(LabelError):  # nothing is enrolled under a label that can't be one
                key = normalised_label(label), bounded_source(source)
                asked.setdefault(key, []).append((label, source))
        found: dict[tuple[str, str], list[tuple[int, str]]] = {}
        columns = select(ClassRow.label, ExampleRow.source, ExampleRow.id, ExampleRow.content_hash)
        query = columns.join(ClassRow, ClassRow.id == ExampleRow.class_id).order_by(ExampleRow.id)
        for chunk in chunks(source for _, source in asked):
            for row in self._session.execute(query.where(ExampleRow.source.in_(chunk))):
                for key in asked.get((row[0], row[1]), ()):
                    found.setdefault(key, []).append((row[2], row[3]))
        return found

    def picture(self, example_id: int) -> bytes | None:
        """The kept copy of an example's picture, encoded, if one was kept."""
        if not can_be_id(example_id):
            return None
        query = select(PictureRow.data).where(PictureRow.example_id == example_id)
        picture: bytes | None = self._session.execute(query).scalar_one_or_none()
        return picture


def _record(row: Row[*tuple[Any, ...]]) -> ExampleRecord:
    return ExampleRecord(
        id=row.id,
        class_id=row.class_id,
        label=row.label,
        source=row.source,
        content_hash=row.content_hash,
        width=row.width,
        height=row.height,
        created_at=row.created_at,
        warnings=tuple(row.warnings),
        origin=row.origin,
    )

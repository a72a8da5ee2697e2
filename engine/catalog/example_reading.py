"""Reading examples: what is enrolled, from where, their pictures and vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from sqlalchemy import Row, Select, Text, cast, func, select

from ..errors import LabelError, SpaceMismatchError
from ..types import ExampleRecord, FloatArray, IntArray, Space, StoredLocalFeatures
from .labels import bounded_source, normalised_label
from .models import (
    ClassRow,
    EmbeddingRow,
    ExampleRow,
    LocalFeaturesRow,
    PictureRow,
    SpaceRow,
)
from .records import VectorBatch
from .vectors import decode_vectors
from .view import View, can_be_id, chunks, id_chunks

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

_VECTORS = (
    select(EmbeddingRow.example_id, ExampleRow.class_id, EmbeddingRow.vector)
    .join(ExampleRow, ExampleRow.id == EmbeddingRow.example_id)
    .order_by(EmbeddingRow.example_id)
)


_LOCAL = select(
    LocalFeaturesRow.example_id, LocalFeaturesRow.extractor, LocalFeaturesRow.data.label("data")
).order_by(LocalFeaturesRow.example_id)


class ExampleReading(View):
    """Questions about examples, answered in id order. Ids that are not there are left out."""

    def examples(
        self, class_id: int | None = None, ids: Iterable[int] | None = None
    ) -> list[ExampleRecord]:
        """The examples of a class, or of the given ids, or both, or all."""
        if class_id is not None and not can_be_id(class_id):
            return []
        query = _EXAMPLES if class_id is None else _EXAMPLES.where(ExampleRow.class_id == class_id)
        if ids is None:
            return [_record(row) for row in self._execute(query)]
        return [
            _record(row)
            for chunk in id_chunks(sorted(ids))
            for row in self._execute(query.where(ExampleRow.id.in_(chunk)))
        ]

    def iter_examples(
        self, *, origin: str | None = None, after_id: int = 0
    ) -> Iterator[ExampleRecord]:
        """Every example, streamed; given an `origin`, those that came from that bulk source."""
        query = _EXAMPLES.where(ExampleRow.id > after_id)
        if origin is not None:
            query = query.where(ExampleRow.origin == origin)
        for row in self._stream(query):
            yield _record(row)

    def example_classes(self) -> tuple[IntArray, IntArray]:
        """All examples' ids, ascending, and their classes' ids, `(n,) int64` each.

        Each column comes as one text: a row of its own for every example takes twice as long.
        """
        columns = [cast(column, Text) for column in (ExampleRow.id, ExampleRow.class_id)]
        texts = select(*(func.aggregate_strings(column, ",") for column in columns))
        ids, class_ids = (
            np.fromstring(text, np.int64, sep=",") if text else np.empty(0, np.int64)
            for text in self._execute(texts).one()
        )
        order = np.argsort(ids, kind="stable")
        return ids[order], class_ids[order]

    def origins(self) -> list[str]:
        """The bulk sources that list examples, as text, in order."""
        query = select(ExampleRow.origin).where(ExampleRow.origin.is_not(None)).distinct()
        return sorted(self._execute(query).scalars())

    def sampled_examples(self, count: int) -> IntArray:
        """The ids of examples whose contents hash lowest, in that order: `(n,) int64`.

        As good as drawn at random, but the same whenever and in whatever order they were enrolled.
        """
        query = select(ExampleRow.id).order_by(ExampleRow.content_hash, ExampleRow.id).limit(count)
        return np.fromiter(self._execute(query).scalars(), np.int64)

    def find_content(self, content_hash: str) -> list[ExampleRecord]:
        """The examples made from exactly that content."""
        return self.find_contents([content_hash])

    def find_contents(self, content_hashes: Iterable[str]) -> list[ExampleRecord]:
        """The examples made from exactly those contents."""
        return [
            _record(row)
            for chunk in chunks(content_hashes)
            for row in self._execute(_EXAMPLES.where(ExampleRow.content_hash.in_(chunk)))
        ]

    def find_sources(self, sources: Iterable[str]) -> list[ExampleRecord]:
        """The examples made from those sources."""
        return [
            _record(row)
            for chunk in chunks(map(bounded_source, sources))
            for row in self._execute(_EXAMPLES.where(ExampleRow.source.in_(chunk)))
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
            for row in self._execute(query.where(ExampleRow.source.in_(chunk))):
                for key in asked.get((row[0], row[1]), ()):
                    found.setdefault(key, []).append((row[2], row[3]))
        return found

    def picture(self, example_id: int) -> bytes | None:
        """The kept copy of an example's picture, encoded, if one was kept."""
        if not can_be_id(example_id):
            return None
        query = select(PictureRow.data).where(PictureRow.example_id == example_id)
        picture: bytes | None = self._execute(query).scalar_one_or_none()
        return picture

    def local_features(self, ids: Iterable[int]) -> dict[int, StoredLocalFeatures]:
        """The local features of the given examples, by id; those that have none are left out."""
        return {
            row.example_id: StoredLocalFeatures(row.extractor, row.data)
            for chunk in id_chunks(sorted(ids))
            for row in self._execute(_LOCAL.where(LocalFeaturesRow.example_id.in_(chunk)))
        }

    def iter_local_features(self) -> Iterator[tuple[int, StoredLocalFeatures]]:
        """Every example's local features, streamed."""
        for row in self._stream(_LOCAL):
            yield row.example_id, StoredLocalFeatures(row.extractor, row.data)

    def without_local_features(self, extractor: str) -> tuple[list[int], list[int]]:
        """The ids of examples that have no local features of an extractor.

        Returns:
            Those whose pictures are kept, and those whose are not.
        """
        row = LocalFeaturesRow
        extracted = select(row.example_id).where(row.extractor == extractor)
        return self._without(extracted)

    def without_embedding(self, space_id: str) -> tuple[list[int], list[int]]:
        """The ids of examples that have no embedding in a space, known to the gallery or not.

        Returns:
            Those whose pictures are kept, and those whose are not.
        """
        embedded = select(EmbeddingRow.example_id).where(EmbeddingRow.space_id == space_id)
        return self._without(embedded)

    def _without(self, done: Select[Any]) -> tuple[list[int], list[int]]:
        """Examples that aren't among `done`: those whose pictures are kept, and the others."""
        query = (
            select(ExampleRow.id, PictureRow.example_id)
            .outerjoin(PictureRow, PictureRow.example_id == ExampleRow.id)
            .where(ExampleRow.id.not_in(done))
            .order_by(ExampleRow.id)
        )
        rows = [tuple(row) for row in self._execute(query)]
        kept = [example_id for example_id, picture in rows if picture is not None]
        return kept, [example_id for example_id, picture in rows if picture is None]

    def space(self, space_id: str) -> Space:
        """The space of that id, active or not.

        Raises:
            SpaceMismatchError: the gallery holds no such space.
        """
        row = self._execute(select(SpaceRow).where(SpaceRow.id == space_id)).first()
        if row is None:
            raise SpaceMismatchError(
                f"the gallery holds no embeddings of the space {space_id}; "
                "use the backbone it was filled by, or re-embed it"
            )
        return Space(row.backbone, row.weights_hash, row.preprocessing_hash, row.dimension)

    def iter_vectors(
        self, space_id: str, *, after_id: int = 0, batch: int = 4096
    ) -> Iterator[VectorBatch]:
        """Every embedding of a space, streamed in batches. Raises SpaceMismatchError."""
        dimension = self.space(space_id).dimension
        query = _VECTORS.where(
            EmbeddingRow.space_id == space_id, EmbeddingRow.example_id > after_id
        )
        for rows in self._raw(query, batch):
            yield _vector_batch(rows, dimension)

    def vectors_after(self, space_id: str, example_id: int, count: int) -> VectorBatch:
        """The first `count` embeddings of a space behind an example. Raises SpaceMismatchError."""
        dimension = self.space(space_id).dimension
        query = _VECTORS.where(
            EmbeddingRow.space_id == space_id, EmbeddingRow.example_id > example_id
        )
        return _vector_batch(list(self._execute(query.limit(count))), dimension)

    def vectors(self, space_id: str, ids: Iterable[int]) -> VectorBatch:
        """The embeddings of the given examples. Raises SpaceMismatchError."""
        dimension = self.space(space_id).dimension
        query = _VECTORS.where(EmbeddingRow.space_id == space_id)
        rows: list[Any] = []
        for chunk in id_chunks(sorted(ids)):
            rows.extend(self._execute(query.where(EmbeddingRow.example_id.in_(chunk))))
        return _vector_batch(rows, dimension)


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


def _vector_batch(rows: Sequence[Any], dimension: int) -> VectorBatch:
    ids, class_ids, blobs = zip(*rows, strict=True) if rows else ((), (), ())
    array = np.array(ids, np.int64)
    vectors: FloatArray = decode_vectors(blobs, array, dimension)
    return VectorBatch(array, np.array(class_ids, np.int64), vectors)

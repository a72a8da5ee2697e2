"""Reading a catalog: every question that a gallery asks, within one consistent view."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import Connection, Select, func, select

from engine.catalog.labels import normalize_label
from engine.catalog.models import (
    ChangeRow,
    ClassRow,
    ClassStatisticsRow,
    EmbeddingRow,
    ExampleRow,
    GalleryRow,
    PictureRow,
    ProjectionRow,
    RejectRow,
    SpaceRow,
)
from engine.catalog.records import (
    Counts,
    GalleryState,
    StatisticsTable,
    StoredProjection,
    VectorBatch,
    class_record,
    decode_vectors,
    example_record,
    int_array,
)
from engine.errors import ClassNotFoundError, GalleryDamagedError, SpaceMismatchError
from engine.types import (
    Change,
    ChangeKind,
    ClassRecord,
    ClassStatistics,
    ExampleRecord,
    FloatArray,
    IntArray,
    KeepPictures,
    Reject,
    Space,
)

CHUNK = 1000
"""How many values one statement looks up, and how many rows a stream fetches at a time."""

_SIMILAR_LABELS = 5000  # how many labels a typo is compared with: those of most similar length

_CLASS_COLUMNS = (
    ClassRow.id,
    ClassRow.label,
    ClassRow.attributes,
    ClassRow.created_at,
    ClassRow.updated_at,
    ClassRow.pinned_threshold,
    select(func.count())
    .where(ExampleRow.class_id == ClassRow.id)
    .correlate(ClassRow)
    .scalar_subquery(),
)

_EXAMPLES = select(
    ExampleRow.id,
    ExampleRow.class_id,
    ClassRow.label,
    ExampleRow.source,
    ExampleRow.content_hash,
    ExampleRow.width,
    ExampleRow.height,
    ExampleRow.created_at,
    ExampleRow.warnings,
).join(ClassRow, ClassRow.id == ExampleRow.class_id)

T = TypeVar("T")


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """`values` in lists of at most `CHUNK`, without repeats, in their first order."""
    unique = list(dict.fromkeys(values))
    for start in range(0, len(unique), CHUNK):
        yield unique[start : start + CHUNK]


class Reader:
    """A consistent view of a catalog for as long as its transaction lasts.

    Not for more than one thread. Ids that are not there are left out of results.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def state(self) -> GalleryState:
        row = self._connection.execute(
            select(GalleryRow, SpaceRow).join(SpaceRow, SpaceRow.id == GalleryRow.space_id)
        ).one_or_none()
        if row is None:
            raise GalleryDamagedError(
                "the gallery's settings are missing from its database; restore it from a backup"
            )
        return GalleryState(
            uuid=row.uuid,
            created_at=row.created_at,
            generation=row.generation,
            space=Space(row.backbone, row.weights_hash, row.preprocessing_hash, row.dimension),
            projection_id=row.projection_id,
            keep_pictures=KeepPictures(row.keep_pictures),
            target_fpir=row.target_fpir,
        )

    def space(self, space_id: str) -> Space:
        """The space of that id, active or not.

        Raises:
            SpaceMismatchError: the gallery holds no embeddings of that space.
        """
        row = self._connection.execute(select(SpaceRow).where(SpaceRow.id == space_id)).first()
        if row is None:
            raise SpaceMismatchError(
                f"the gallery knows no space {space_id}; its embeddings are in the space "
                f"{self.state().space.id}: use the backbone it was filled by, or re-embed it"
            )
        return Space(row.backbone, row.weights_hash, row.preprocessing_hash, row.dimension)

    def projection(self, projection_id: str) -> StoredProjection | None:
        row = self._connection.execute(
            select(ProjectionRow).where(ProjectionRow.id == projection_id)
        ).first()
        return row and StoredProjection(row.id, row.space_id, row.kind, row.payload)

    def counts(self) -> Counts:
        pictures = select(func.count(), func.coalesce(func.sum(func.length(PictureRow.data)), 0))
        kept, size = self._connection.execute(pictures.select_from(PictureRow)).one()
        return Counts(self._count(ClassRow), self._count(ExampleRow), kept, size)

    def classes(
        self, *, search: str | None = None, after: str | None = None, limit: int | None = None
    ) -> list[ClassRecord]:
        """Classes by label, by code point; `after` is the last label of the page before.

        `search` keeps the labels that contain it, whatever the case of their letters.
        """
        query = select(*_CLASS_COLUMNS).order_by(ClassRow.label).limit(limit)
        if search is not None:
            query = query.where(
                func.lower(ClassRow.label).contains(search.lower(), autoescape=True)
            )
        if after is not None:
            query = query.where(ClassRow.label > after)
        return [class_record(row) for row in self._connection.execute(query)]

    def class_by_id(self, class_id: int) -> ClassRecord:
        """Raises ClassNotFoundError."""
        row = self._connection.execute(
            select(*_CLASS_COLUMNS).where(ClassRow.id == class_id)
        ).first()
        if row is None:
            raise ClassNotFoundError(f"there is no class with the id {class_id}; it was removed")
        return class_record(row)

    def class_by_label(self, label: str) -> ClassRecord:
        """Raises ClassNotFoundError, which names labels much like it."""
        label = normalize_label(label)
        row = self._connection.execute(
            select(*_CLASS_COLUMNS).where(ClassRow.label == label)
        ).first()
        if row is None:
            similar = self._similar_labels(label)
            hint = f"did you mean {' or '.join(map(repr, similar))}?" if similar else "list them"
            raise ClassNotFoundError(f"there is no class {label!r}; {hint}")
        return class_record(row)

    def class_ids(self, labels: Iterable[str]) -> dict[str, int]:
        """Those of the normalized `labels` that are classes, with their ids."""
        found: dict[str, int] = {}
        for chunk in chunks(labels):
            query = select(ClassRow.label, ClassRow.id).where(ClassRow.label.in_(chunk))
            found.update((label, class_id) for label, class_id in self._connection.execute(query))
        return found

    def labels(self) -> dict[int, str]:
        """Every class's label by its id."""
        rows = self._connection.execute(select(ClassRow.id, ClassRow.label))
        return {class_id: label for class_id, label in rows}  # noqa: C416 (rows are no pairs to mypy)

    def examples(
        self, class_id: int | None = None, ids: Iterable[int] | None = None
    ) -> list[ExampleRecord]:
        """The examples of a class, or of the given ids, or both, or all, in id order."""
        query = _EXAMPLES.order_by(ExampleRow.id)
        if class_id is not None:
            query = query.where(ExampleRow.class_id == class_id)
        if ids is None:
            return self._examples(query)
        return [
            record
            for chunk in chunks(sorted(ids))
            for record in self._examples(query.where(ExampleRow.id.in_(chunk)))
        ]

    def iter_examples(self, *, after_id: int = 0) -> Iterator[ExampleRecord]:
        """Every example in id order, streamed."""
        query = _EXAMPLES.where(ExampleRow.id > after_id).order_by(ExampleRow.id)
        for row in self._stream(query):
            yield example_record(row)

    def example_classes(self) -> tuple[IntArray, IntArray]:
        """All examples' ids and their classes' ids, `(n,) int64` each, in id order."""
        query = select(ExampleRow.id, ExampleRow.class_id).order_by(ExampleRow.id)
        rows = self._connection.execute(query).all()
        pairs = np.array(rows, dtype=np.int64).reshape(-1, 2)
        return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])

    def iter_vectors(
        self, space_id: str, *, after_id: int = 0, batch: int = 4096
    ) -> Iterator[VectorBatch]:
        """Every embedding of a space in id order, streamed in batches."""
        dimension = self.space(space_id).dimension
        query = self._vectors(space_id).where(EmbeddingRow.example_id > after_id)
        result = self._connection.execute(query.execution_options(yield_per=batch))
        for rows in result.partitions():
            yield _vector_batch(rows, dimension)

    def vectors(self, space_id: str, ids: Iterable[int]) -> tuple[IntArray, FloatArray]:
        """`(n,)` ids in order and their `(n, dim) float32` unit vectors, of those that are there."""
        dimension = self.space(space_id).dimension
        rows: list[Any] = []
        for chunk in chunks(sorted(ids)):
            query = self._vectors(space_id).where(EmbeddingRow.example_id.in_(chunk))
            rows.extend(self._connection.execute(query))
        batch = _vector_batch(rows, dimension)
        return batch.ids, batch.vectors

    def picture(self, example_id: int) -> bytes | None:
        """The kept copy of an example's picture, encoded, if one was kept."""
        query = select(PictureRow.data).where(PictureRow.example_id == example_id)
        return self._connection.execute(query).scalar_one_or_none()

    def find_content(self, content_hash: str) -> list[ExampleRecord]:
        """The examples made from exactly that content, in id order."""
        return self.find_contents([content_hash]).get(content_hash, [])

    def find_contents(self, content_hashes: Iterable[str]) -> dict[str, list[ExampleRecord]]:
        """`find_content` for many, by hash; those of no example are left out."""
        found: dict[str, list[ExampleRecord]] = {}
        for chunk in chunks(content_hashes):
            query = _EXAMPLES.where(ExampleRow.content_hash.in_(chunk)).order_by(ExampleRow.id)
            for record in self._examples(query):
                found.setdefault(record.content_hash, []).append(record)
        return found

    def known_sources(self, sources: Iterable[str]) -> dict[tuple[str, str], list[tuple[int, str]]]:
        """By label and source, the ids and content hashes of the examples from those sources."""
        found: dict[tuple[str, str], list[tuple[int, str]]] = {}
        columns = select(ClassRow.label, ExampleRow.source, ExampleRow.id, ExampleRow.content_hash)
        query = columns.join(ExampleRow, ExampleRow.class_id == ClassRow.id).order_by(ExampleRow.id)
        for chunk in chunks(sources):
            rows = self._connection.execute(query.where(ExampleRow.source.in_(chunk)))
            for label, source, example_id, content_hash in rows:
                found.setdefault((label, source), []).append((example_id, content_hash))
        return found

    def iter_sources(self) -> Iterator[tuple[int, str, str]]:
        """Every example's id, label and source in id order, streamed."""
        query = select(ExampleRow.id, ClassRow.label, ExampleRow.source)
        query = query.join(ClassRow, ClassRow.id == ExampleRow.class_id).order_by(ExampleRow.id)
        for example_id, label, source in self._stream(query):
            yield example_id, label, source

    def changes_since(self, generation: int) -> list[Change] | None:
        """What changed after `generation`, in order, each fit to be applied again.

        A class that comes or goes has an entry without an example; its examples have their own.
        None if the log no longer reaches back that far, or `generation` is yet to come (the
        gallery was restored from a backup): the caller re-reads everything.
        """
        query = select(GalleryRow.trimmed_generation, GalleryRow.generation)
        trimmed, current = self._connection.execute(query).one()
        if not trimmed <= generation <= current:
            return None
        rows = self._connection.execute(
            select(ChangeRow.generation, ChangeRow.kind, ChangeRow.class_id, ChangeRow.example_id)
            .where(ChangeRow.generation > generation)
            .order_by(ChangeRow.id)
        )
        return [Change(row[0], ChangeKind(row[1]), row[2], row[3]) for row in rows]

    def class_statistics(self, searched_space: str) -> dict[int, ClassStatistics]:
        """By class id; classes without any are left out."""
        table = self.statistics_table(searched_space)
        rows = zip(*(column.tolist() for column in table), strict=True)
        return {class_id: ClassStatistics(*statistics) for class_id, *statistics in rows}

    def statistics_table(self, searched_space: str) -> StatisticsTable:
        """`class_statistics` as arrays."""
        row = ClassStatisticsRow
        query = select(row.class_id, row.mean, row.std, row.cohort_size)
        query = query.where(row.space_id == searched_space).order_by(row.class_id)
        columns = list(zip(*self._connection.execute(query), strict=True))
        class_ids, means, stds, cohort_sizes = columns or ((), (), (), ())
        return StatisticsTable(
            int_array(class_ids),
            np.array(means, float),
            np.array(stds, float),
            int_array(cohort_sizes),
        )

    def pins(self, searched_space: str | None = None) -> dict[int, float]:
        """Pinned thresholds by class id: those pinned in a searched space, or all."""
        query = select(ClassRow.id, ClassRow.pinned_threshold)
        query = query.where(ClassRow.pinned_threshold.is_not(None))
        if searched_space is not None:
            query = query.where(ClassRow.pinned_space == searched_space)
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def rejects(self) -> list[Reject]:
        """What could not be enrolled, by source."""
        query = select(RejectRow.source, RejectRow.reason).order_by(RejectRow.source)
        return [Reject(*row) for row in self._connection.execute(query)]

    def _count(self, model: type[ClassRow] | type[ExampleRow]) -> int:
        return self._connection.execute(select(func.count()).select_from(model)).scalar_one()

    def _examples(self, query: Select[Any]) -> list[ExampleRecord]:
        return [example_record(row) for row in self._connection.execute(query)]

    def _stream(self, query: Select[Any]) -> Iterator[Sequence[Any]]:
        yield from self._connection.execute(query.execution_options(yield_per=CHUNK))

    def _vectors(self, space_id: str) -> Select[Any]:
        query = select(EmbeddingRow.example_id, ExampleRow.class_id, EmbeddingRow.vector)
        query = query.join(ExampleRow, ExampleRow.id == EmbeddingRow.example_id)
        return query.where(EmbeddingRow.space_id == space_id).order_by(EmbeddingRow.example_id)

    def _similar_labels(self, label: str) -> list[str]:
        distance = func.abs(func.length(ClassRow.label) - len(label))
        query = select(ClassRow.label).order_by(distance, ClassRow.label).limit(_SIMILAR_LABELS)
        by_lower: Mapping[str, str] = {
            text.lower(): text for text in self._connection.execute(query).scalars()
        }
        matches = difflib.get_close_matches(label.lower(), by_lower, n=3)
        return [by_lower[match] for match in matches]


def _vector_batch(rows: Sequence[Any], dimension: int) -> VectorBatch:
    ids, class_ids, blobs = zip(*rows, strict=True) if rows else ((), (), ())
    array = int_array(ids)
    return VectorBatch(array, int_array(class_ids), decode_vectors(blobs, array, dimension))

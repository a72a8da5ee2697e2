"""Spaces: the embeddings held in each, their projections, and which of them is searched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Select, delete, func, insert, select, update

from ..errors import SpaceMismatchError
from ..types import ChangeKind, FloatArray, Space
from .log import NewCommit
from .models import (
    EmbeddingRow,
    ExampleRow,
    GalleryRow,
    PictureRow,
    ProjectionRow,
    SpaceRow,
)
from .records import StoredProjection, VectorBatch
from .session import Session, chunks, id_chunks
from .vectors import check_vectors, decode_vectors, encode_vectors

_VECTORS = (
    select(EmbeddingRow.example_id, ExampleRow.class_id, EmbeddingRow.vector)
    .join(ExampleRow, ExampleRow.id == EmbeddingRow.example_id)
    .where(ExampleRow.text.is_(None))
    .order_by(EmbeddingRow.example_id)
)


class SpaceReading:
    """Questions about spaces and their projections."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, space_id: str) -> Space:
        """The space of that id, active or not.

        Raises:
            SpaceMismatchError: the gallery holds no such space.
        """
        row = self._session.execute(select(SpaceRow).where(SpaceRow.id == space_id)).first()
        if row is None:
            raise SpaceMismatchError(
                f"the gallery holds no embeddings of the space {space_id}; "
                "use the backbone it was filled by, or re-embed it"
            )
        return Space(row.backbone, row.weights_hash, row.preprocessing_hash, row.dimension)

    def active_id(self) -> str:
        """The id of `active`."""
        found: str = self._session.execute(select(GalleryRow.space_id)).scalar_one()
        return found

    def active(self) -> Space:
        """The space that the gallery compares in."""
        return self.get(self.active_id())

    def former(self) -> Space | None:
        """The space that the gallery was moved to its present one from, while it is kept.

        That is the youngest of those that are older than the present one.
        """
        row = SpaceRow
        active = select(row.created_at).where(row.id == self.active_id()).scalar_subquery()
        query = select(row.id).where(row.created_at < active).order_by(row.created_at.desc())
        found = self._session.execute(query.limit(1)).scalar_one_or_none()
        return None if found is None else self.get(found)

    def ids(self) -> list[str]:
        """The ids of all spaces that embeddings are held in, oldest first."""
        query = select(SpaceRow.id).order_by(SpaceRow.created_at)
        return list(self._session.execute(query).scalars())

    def kept_projection(self, space_id: str) -> bytes | None:
        """The payload of the youngest projection of a space, if it has one."""
        row = ProjectionRow
        query = select(row.payload).where(row.space_id == space_id)
        payload: bytes | None = self._session.execute(
            query.order_by(row.created_at.desc()).limit(1)
        ).scalar_one_or_none()
        return payload


class EmbeddingReading:
    """Questions about pictures' vectors, answered in the order of their ids.

    Those of texts aren't among them: `WholeReading.texts` tells them.
    """

    def __init__(self, session: Session) -> None:
        self._session, self._spaces = session, SpaceReading(session)

    def stream(
        self, space_id: str, *, after_id: int = 0, batch: int = 4096
    ) -> Iterator[VectorBatch]:
        """Every embedding of a space, streamed in batches. Raises SpaceMismatchError."""
        dimension = self._spaces.get(space_id).dimension
        query = _VECTORS.where(
            EmbeddingRow.space_id == space_id, EmbeddingRow.example_id > after_id
        )
        for rows in self._session.batches(query, batch):
            yield _vector_batch(rows, dimension)

    def after(self, space_id: str, example_id: int, count: int) -> VectorBatch:
        """The first `count` embeddings of a space behind an example. Raises SpaceMismatchError."""
        dimension = self._spaces.get(space_id).dimension
        query = _VECTORS.where(
            EmbeddingRow.space_id == space_id, EmbeddingRow.example_id > example_id
        )
        return _vector_batch(list(self._session.execute(query.limit(count))), dimension)

    def of(self, space_id: str, ids: Iterable[int]) -> VectorBatch:
        """The embeddings of the given examples. Raises SpaceMismatchError."""
        dimension = self._spaces.get(space_id).dimension
        query = _VECTORS.where(EmbeddingRow.space_id == space_id)
        rows: list[Any] = []
        for chunk in id_chunks(sorted(ids)):
            rows.extend(self._session.execute(query.where(EmbeddingRow.example_id.in_(chunk))))
        return _vector_batch(rows, dimension)

    def lacking(self, space_id: str) -> tuple[list[int], list[int]]:
        """The ids of pictures that have no embedding in a space, known to the gallery or not.

        Returns:
            Those whose pictures are kept, and those whose are not.
        """
        embedded = select(EmbeddingRow.example_id).where(EmbeddingRow.space_id == space_id)
        return examples_without(self._session, embedded)

    def lacking_texts(self, space_id: str) -> dict[int, str]:
        """The texts, by example id, that have no embedding in a space, known or not."""
        embedded = select(EmbeddingRow.example_id).where(EmbeddingRow.space_id == space_id)
        query = select(ExampleRow.id, ExampleRow.text).where(
            ExampleRow.text.is_not(None), ExampleRow.id.not_in(embedded)
        )
        return {row[0]: row[1] for row in self._session.execute(query.order_by(ExampleRow.id))}


class SpaceWriting:
    """Changes of the spaces and of their projections."""

    def __init__(self, session: Session, commit: NewCommit) -> None:
        self._session, self._commit = session, commit
        self._spaces = SpaceReading(session)

    def add(self, space: Space) -> None:
        """Make room for embeddings in another space; the active one stays."""
        known = select(SpaceRow.id).where(SpaceRow.id == space.id)
        if self._session.execute(known).first() is None:
            self._session.execute(insert(SpaceRow).values(**space_values(space, self._commit.now)))

    def activate(self, space_id: str) -> None:
        """Compare in another space from now on, as it is: without a projection.

        Raises:
            SpaceMismatchError: not every example has an embedding in it.
        """
        self._spaces.get(space_id)
        examples = self._session.execute(select(func.count(ExampleRow.id))).scalar_one()
        embedded = select(func.count()).where(EmbeddingRow.space_id == space_id)
        missing = examples - self._session.execute(embedded).scalar_one()
        if missing:
            raise SpaceMismatchError(
                f"{missing} examples have no embedding in the space {space_id}; embed them first"
            )
        self._commit.set_gallery(space_id=space_id, projection_id=None)
        self._commit.record(ChangeKind.SPACE)

    def set_projection(self, projection: StoredProjection | None) -> None:
        """Search through a projection of the active space from now on, or with None as it is."""
        if projection is not None:
            known = select(ProjectionRow.id).where(ProjectionRow.id == projection.id)
            if self._session.execute(known).first() is None:
                values = {
                    "id": projection.id,
                    "space_id": self._spaces.active_id(),
                    "kind": projection.kind,
                    "payload": projection.payload,
                    "created_at": self._commit.now,
                }
                self._session.execute(insert(ProjectionRow).values(**values))
        self._commit.set_gallery(projection_id=None if projection is None else projection.id)
        self._commit.record(ChangeKind.SPACE)

    def set_words(self, space_id: str, vectors: FloatArray) -> None:
        """Keep what texts are measured against in a space: `(n, dim) float32`, unit rows.

        Raises:
            SpaceMismatchError: the space isn't there, or has another dimension.
            GalleryError: a vector is not finite or not of unit length.
        """
        checked = check_vectors(vectors, self._spaces.get(space_id), ["a word"] * len(vectors))
        words = b"".join(encode_vectors(checked))
        self._session.execute(update(SpaceRow).where(SpaceRow.id == space_id).values(words=words))
        self._commit.record(ChangeKind.TEXT)

    def forget_projections(self, space_id: str, *, but: str | None) -> None:
        """Remove the projections of a space that is not the active one, except perhaps one."""
        row = ProjectionRow
        self._session.execute(
            delete(row).where(row.space_id == space_id, row.id.is_distinct_from(but))
        )

    def drop(self, space_id: str) -> None:
        """Remove a space with its embeddings and projections.

        Raises:
            SpaceMismatchError: it is the active one, or not there.
        """
        if self._spaces.active_id() == self._spaces.get(space_id).id:
            raise SpaceMismatchError(
                f"{space_id} is the gallery's active space; make another the active one first"
            )
        self._session.execute(delete(SpaceRow).where(SpaceRow.id == space_id))
        self._commit.removed = True


class EmbeddingWriting:
    """Changes of examples' vectors."""

    def __init__(self, session: Session, commit: NewCommit) -> None:
        self._session, self._commit = session, commit
        self._spaces = SpaceReading(session)

    def put(self, space_id: str, ids: Sequence[int], vectors: FloatArray) -> None:
        """Store examples' vectors, `(n, dim) float32`, unit rows, in place of earlier ones.

        To embed a gallery anew: add a space, do this for every example, activate it.

        Raises:
            SpaceMismatchError: the space was not added, or has another dimension.
            GalleryError: a vector is not finite or not of unit length.
        """
        space = self._spaces.get(space_id)
        checked = check_vectors(vectors, space, [f"example {i}" for i in ids])
        blobs = dict(zip((int(i) for i in ids), encode_vectors(checked), strict=True))
        row = EmbeddingRow
        for chunk in chunks(blobs):
            former = delete(row).where(row.space_id == space_id, row.example_id.in_(chunk))
            gone = self._session.execute(former).rowcount > 0
            self._commit.removed = gone or self._commit.removed
            self._session.execute(
                insert(row),
                [{"example_id": i, "space_id": space_id, "vector": blobs[i]} for i in chunk],
            )


def space_values(space: Space, now: datetime) -> dict[str, Any]:
    """The row of a space."""
    return {
        "id": space.id,
        "backbone": space.backbone,
        "weights_hash": space.weights_hash,
        "preprocessing_hash": space.preprocessing_hash,
        "dimension": space.dimension,
        "created_at": now,
    }


def examples_without(session: Session, done: Select[Any]) -> tuple[list[int], list[int]]:
    """Pictures that aren't among `done`: those of which a copy is kept, and the others."""
    query = (
        select(ExampleRow.id, PictureRow.example_id)
        .outerjoin(PictureRow, PictureRow.example_id == ExampleRow.id)
        .where(ExampleRow.id.not_in(done), ExampleRow.text.is_(None))
        .order_by(ExampleRow.id)
    )
    rows = [tuple(row) for row in session.execute(query)]
    kept = [example_id for example_id, picture in rows if picture is not None]
    return kept, [example_id for example_id, picture in rows if picture is None]


def _vector_batch(rows: Sequence[Any], dimension: int) -> VectorBatch:
    ids, class_ids, blobs = zip(*rows, strict=True) if rows else ((), (), ())
    array = np.array(ids, np.int64)
    vectors: FloatArray = decode_vectors(blobs, array, dimension)
    return VectorBatch(array, np.array(class_ids, np.int64), vectors)

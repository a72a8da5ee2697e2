"""Counterexamples: pictures that look like a class and aren't of it, with their vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Row, delete, func, insert, select

from ..errors import ExampleNotFoundError
from ..types import ChangeKind, Counterexample, FloatArray, NewExample
from .examples import require_space
from .labels import bounded_source
from .log import NewCommit
from .models import ClassRow, CounterexampleEmbeddingRow, CounterexampleRow
from .session import Session, can_be_id, chunks
from .spaces import SpaceReading
from .vectors import check_vectors, encode_vectors

_COUNTEREXAMPLES = (
    select(
        CounterexampleRow.id,
        CounterexampleRow.class_id,
        ClassRow.label,
        CounterexampleRow.source,
        CounterexampleRow.content_hash,
        CounterexampleRow.width,
        CounterexampleRow.height,
        CounterexampleRow.created_at,
        CounterexampleRow.picture.is_not(None).label("has_picture"),
    )
    .join(ClassRow, ClassRow.id == CounterexampleRow.class_id)
    .order_by(CounterexampleRow.id)
)


class CounterexampleReading:
    """Questions about counterexamples, answered in id order; ids not there are left out."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def listed(
        self, class_id: int | None = None, ids: Iterable[int] | None = None
    ) -> list[Counterexample]:
        """The counterexamples of a class, or of the given ids, or both, or all."""
        if class_id is not None and not can_be_id(class_id):
            return []
        query = _COUNTEREXAMPLES
        if class_id is not None:
            query = query.where(CounterexampleRow.class_id == class_id)
        return [_record(row) for row in self._session.of_ids(query, CounterexampleRow.id, ids)]

    def of_contents(self, content_hashes: Iterable[str]) -> list[Counterexample]:
        """Those made from exactly those contents."""
        row = CounterexampleRow
        return [
            _record(found)
            for chunk in chunks(content_hashes)
            for found in self._session.execute(_COUNTEREXAMPLES.where(row.content_hash.in_(chunk)))
        ]

    def lacking(self, space_id: str) -> tuple[list[int], list[int]]:
        """The ids of those that have no vector in a space, known to the gallery or not.

        Returns:
            Those whose pictures are kept, and those whose are not.
        """
        row, vector = CounterexampleRow, CounterexampleEmbeddingRow
        embedded = select(vector.counterexample_id).where(vector.space_id == space_id)
        query = select(row.id, row.picture.is_not(None)).where(row.id.not_in(embedded))
        rows = [tuple(found) for found in self._session.execute(query.order_by(row.id))]
        return [i for i, kept in rows if kept], [i for i, kept in rows if not kept]

    def picture(self, counterexample_id: int) -> bytes | None:
        """The kept copy of one's picture, encoded, if one was kept."""
        if not can_be_id(counterexample_id):
            return None
        row = CounterexampleRow
        query = select(row.picture).where(row.id == counterexample_id)
        picture: bytes | None = self._session.execute(query).scalar_one_or_none()
        return picture

    def count(self) -> int:
        """How many there are."""
        return int(self._session.execute(select(func.count(CounterexampleRow.id))).scalar_one())


class CounterexampleWriting:
    """Changes of counterexamples. The log names their class, whose are then read anew."""

    def __init__(self, session: Session, commit: NewCommit) -> None:
        self._session, self._commit = session, commit
        self._reading = CounterexampleReading(session)

    def add(self, picture: NewExample, class_id: int) -> int:
        """Keep a picture, in the gallery's space, as one that isn't of a class; its id.

        One that the class has already keeps its id. The label, the attributes and the local
        features that come with it don't count.

        Raises:
            SpaceMismatchError: the vector is of another space than the gallery's.
            GalleryError: it is not finite or not of unit length.
        """
        row, space = CounterexampleRow, SpaceReading(self._session).active()
        require_space([picture], space)
        same = select(row.id).where(
            row.class_id == class_id, row.content_hash == picture.content_hash
        )
        known = self._session.execute(same).scalar_one_or_none()
        if known is not None:
            return int(known)
        values: dict[str, Any] = {
            "class_id": class_id,
            "source": bounded_source(picture.source),
            "content_hash": picture.content_hash,
            "width": picture.width,
            "height": picture.height,
            "created_at": self._commit.now,
            "picture": picture.picture,
        }
        made = self._session.execute(insert(row).values(**values).returning(row.id))
        counterexample_id = int(made.scalar_one())
        self.put_vectors(space.id, {counterexample_id: picture.vector})
        self._commit.record(ChangeKind.COUNTEREXAMPLE, class_id)
        return counterexample_id

    def remove(self, ids: Iterable[int]) -> None:
        """Remove counterexamples, their pictures and vectors.

        Raises:
            ExampleNotFoundError: one of them is not there.
        """
        wanted = list(dict.fromkeys(ids))
        there = {found.id: found.class_id for found in self._reading.listed(ids=wanted)}
        missing = [i for i in wanted if i not in there]
        if missing:
            raise ExampleNotFoundError(
                f"there is no counterexample with the id {missing[0]}; list the class's"
            )
        for chunk in chunks(wanted):
            self._session.execute(delete(CounterexampleRow).where(CounterexampleRow.id.in_(chunk)))
        for class_id in sorted(set(there.values())):
            self._commit.record(ChangeKind.COUNTEREXAMPLE, class_id)
        self._commit.removed = self._commit.removed or bool(wanted)

    def put_vectors(self, space_id: str, vectors: Mapping[int, FloatArray]) -> None:
        """Store unit vectors `(dim,) float32` by id, in place of earlier ones of a space.

        Raises:
            SpaceMismatchError: the space was not added, or has another dimension.
            GalleryError: a vector is not finite or not of unit length.
        """
        if not vectors:
            return
        ids, space = list(vectors), SpaceReading(self._session).get(space_id)
        names = [f"counterexample {i}" for i in ids]
        blobs = encode_vectors(check_vectors(list(vectors.values()), space, names))
        row = CounterexampleEmbeddingRow
        for chunk in chunks(ids):
            former = delete(row).where(row.space_id == space_id, row.counterexample_id.in_(chunk))
            gone = self._session.execute(former).rowcount > 0
            self._commit.removed = gone or self._commit.removed
        self._session.execute(
            insert(row),
            [
                {"counterexample_id": i, "space_id": space_id, "vector": blob}
                for i, blob in zip(ids, blobs, strict=True)
            ],
        )


def _record(row: Row[*tuple[Any, ...]]) -> Counterexample:
    return Counterexample(
        id=row.id,
        class_id=row.class_id,
        label=row.label,
        source=row.source,
        content_hash=row.content_hash,
        width=row.width,
        height=row.height,
        created_at=row.created_at,
        has_picture=bool(row.has_picture),
    )

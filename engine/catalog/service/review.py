"""Queries kept for review, and what people said about queries."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import delete, func, insert, select

from ...types import FloatArray
from ..database import Database
from ..session import chunks
from .models import FeedbackRow, KeptQueryRow
from .records import Feedback, KeptQuery, NewQuery

_KEPT = (
    KeptQueryRow.id,
    KeptQueryRow.created_at,
    KeptQueryRow.source,
    KeptQueryRow.content_hash,
    KeptQueryRow.vector,
    KeptQueryRow.nearest_id,
    KeptQueryRow.similarity,
    KeptQueryRow.threshold,
    KeptQueryRow.width,
    KeptQueryRow.height,
)


class ReviewStore:
    """Kept queries are bounded and can be erased; feedback stays, by the labels of today."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, queries: Iterable[NewQuery], *, limit: int) -> int:
        """Keep queries, and only the newest `limit` of all; how many were new.

        A picture that is kept already is not kept twice.
        """
        kept = 0
        row = KeptQueryRow
        with self._database.transaction(write=True) as connection:
            for query in queries:
                same = select(row.id).where(row.content_hash == query.content_hash)
                if connection.execute(same).first() is None:
                    connection.execute(insert(row).values(**_query_values(query)))
                    kept += 1
            oldest = select(row.id).order_by(row.id.desc()).offset(limit).limit(1)
            beyond = connection.execute(oldest).scalar()
            if beyond is not None:
                connection.execute(delete(row).where(row.id <= beyond))
        if beyond is not None:
            self._database.checkpoint()
        return kept

    def kept(self, space_id: str, ids: Collection[int] | None = None) -> list[KeptQuery]:
        """The kept queries embedded in a space, oldest first; all, or those of the given ids."""
        query = select(*_KEPT).where(KeptQueryRow.space_id == space_id).order_by(KeptQueryRow.id)
        with self._database.transaction() as connection:
            if ids is None:
                return [_kept(row) for row in connection.execute(query)]
            return [
                _kept(row)
                for chunk in chunks(sorted(ids))
                for row in connection.execute(query.where(KeptQueryRow.id.in_(chunk)))
            ]

    def near(self, space_id: str, class_id: int, *, limit: int) -> list[int]:
        """The newest kept queries embedded in a space whose nearest class that is; their ids."""
        row = KeptQueryRow
        near = select(row.id).where(row.space_id == space_id, row.nearest_id == class_id)
        with self._database.transaction() as connection:
            found = connection.execute(near.order_by(row.id.desc()).limit(limit))
            return list(found.scalars())

    def count(self) -> int:
        """How many queries are kept."""
        with self._database.transaction() as connection:
            return int(connection.execute(select(func.count(KeptQueryRow.id))).scalar_one())

    def picture(self, query_id: int) -> bytes | None:
        """A kept query's picture, encoded, or None where there is no such query."""
        query = select(KeptQueryRow.picture).where(KeptQueryRow.id == query_id)
        with self._database.transaction() as connection:
            picture: bytes | None = connection.execute(query).scalar_one_or_none()
        return picture

    def forget(self, ids: Collection[int] | None = None) -> int:
        """Erase kept queries, all or those of the given ids; how many there were."""
        row = KeptQueryRow
        with self._database.transaction(write=True) as connection:
            if ids is None:
                gone = connection.execute(delete(row)).rowcount
            else:
                gone = sum(
                    connection.execute(delete(row).where(row.id.in_(chunk))).rowcount
                    for chunk in chunks(ids)
                )
        self._database.checkpoint()
        return gone

    def settle(self, content_hash: str) -> None:
        """Keep a picture no longer that has been given a name."""
        query = select(KeptQueryRow.id).where(KeptQueryRow.content_hash == content_hash)
        with self._database.transaction() as connection:
            ids = list(connection.execute(query).scalars())
        if ids:
            self.forget(ids)

    def add_feedback(self, feedback: Feedback) -> int:
        """Note what somebody said; its id."""
        values = {
            "created_at": datetime.now(UTC),
            "label": feedback.label,
            "decided": feedback.decided,
            "similarity": feedback.similarity,
            "threshold": feedback.threshold,
            "vector": _encoded(feedback.vector),
            "space_id": feedback.space_id,
        }
        with self._database.transaction(write=True) as connection:
            noted = insert(FeedbackRow).values(**values).returning(FeedbackRow.id)
            return int(connection.execute(noted).scalar_one())

    def take_back(self, feedback_id: int) -> bool:
        """Forget what somebody said; whether it was noted."""
        row = FeedbackRow
        with self._database.transaction(write=True) as connection:
            return connection.execute(delete(row).where(row.id == feedback_id)).rowcount > 0

    def verdicts(self, space_id: str) -> list[tuple[str | None, str | None]]:
        """Of each feedback on a query embedded in a space what was said and what was decided."""
        query = select(FeedbackRow.label, FeedbackRow.decided).where(
            FeedbackRow.space_id == space_id
        )
        with self._database.transaction() as connection:
            return [(label, decided) for label, decided in connection.execute(query)]

    def feedback(self, space_id: str) -> list[Feedback]:
        """What was said about queries embedded in a space, oldest first."""
        row = FeedbackRow
        columns = (row.label, row.decided, row.similarity, row.threshold, row.vector, row.space_id)
        query = select(*columns).where(row.space_id == space_id).order_by(row.id)
        with self._database.transaction() as connection:
            return [
                Feedback(*found[:4], _decoded(found[4]), found[5])
                for found in connection.execute(query)
            ]


def _query_values(query: NewQuery) -> dict[str, Any]:
    return {
        "created_at": datetime.now(UTC),
        "source": query.source,
        "content_hash": query.content_hash,
        "picture": query.picture,
        "vector": _encoded(query.vector),
        "space_id": query.space_id,
        "nearest_id": query.nearest_id,
        "similarity": query.similarity,
        "threshold": query.threshold,
        "width": query.width,
        "height": query.height,
    }


def _kept(row: Any) -> KeptQuery:
    values: list[Any] = [*row[:4], _decoded(row[4]), *row[5:]]
    return KeptQuery(*values)


def _encoded(vector: FloatArray) -> bytes:
    return vector.astype("<f4").tobytes()


def _decoded(blob: bytes) -> FloatArray:
    return np.frombuffer(blob, "<f4").astype(np.float32)

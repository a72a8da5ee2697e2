"""What is remembered of the queries of a space: sums, for `engine.gallery` to read."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import delete, insert, select

from ..database import Database
from .models import QuerySumsRow


class QuerySumsStore:
    """One payload a space. What is erased is gone from the files, too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, space_id: str) -> bytes | None:
        """A space's payload, if there is one."""
        query = select(QuerySumsRow.payload).where(QuerySumsRow.space_id == space_id)
        with self._database.transaction() as connection:
            payload: bytes | None = connection.execute(query).scalar_one_or_none()
        return payload

    def update(self, space_id: str, work: Callable[[bytes | None], bytes]) -> None:
        """Put what is made of a space's payload in its place, in one transaction."""
        row = QuerySumsRow
        with self._database.transaction(write=True) as connection:
            query = select(row.payload).where(row.space_id == space_id).with_for_update()
            payload = work(connection.execute(query).scalar_one_or_none())
            connection.execute(delete(row).where(row.space_id == space_id))
            connection.execute(insert(row).values(space_id=space_id, payload=payload))

    def forget(self) -> None:
        """Erase what is remembered, of every space."""
        with self._database.transaction(write=True) as connection:
            connection.execute(delete(QuerySumsRow))
        self._database.checkpoint()

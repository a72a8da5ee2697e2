"""The files of jobs, in the database: every machine that serves a shared gallery can reach them."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from ..database import Database
from .models import JobFileRow
from .records import JobFileRecord


class JobFileStore:
    """Files by job and id, oldest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job_id: int, *, name: str, data: bytes, size: int | None = None) -> None:
        """Store a file; with `size`, only note that it would have that many bytes."""
        size = len(data) if size is None else size
        values = {"job_id": job_id, "name": name, "size": size, "data": data}
        with self._database.transaction(write=True) as connection:
            connection.execute(insert(JobFileRow).values(**values))

    def listed(self, job_id: int) -> list[JobFileRecord]:
        """The files of a job, without what is in them."""
        row = JobFileRow
        query = select(row.id, row.name, row.size).where(row.job_id == job_id).order_by(row.id)
        with self._database.transaction() as connection:
            return [JobFileRecord(*found) for found in connection.execute(query)]

    def data(self, file_id: int) -> bytes:
        """What is in a file; nothing where it is gone."""
        query = select(JobFileRow.data).where(JobFileRow.id == file_id)
        with self._database.transaction() as connection:
            return bytes(connection.execute(query).scalar_one_or_none() or b"")

    def remove(self, job_id: int) -> None:
        """Delete the files of a job."""
        with self._database.transaction(write=True) as connection:
            connection.execute(delete(JobFileRow).where(JobFileRow.job_id == job_id))

"""Jobs, as the database holds them: any process may take one over whose worker is gone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update

from ...errors import JobNotFoundError
from ..database import Database
from ..session import bounded_limit, can_be_id
from .models import JobRow
from .records import JobRecord, JobState

_COLUMNS = (
    JobRow.id,
    JobRow.kind,
    JobRow.state,
    JobRow.parameters,
    JobRow.done,
    JobRow.total,
    JobRow.report,
    JobRow.error,
    JobRow.cancelling,
    JobRow.created_at,
    JobRow.started_at,
    JobRow.finished_at,
)


class JobStore:
    """Jobs by id, oldest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, kind: str, parameters: Mapping[str, Any], *, state: JobState) -> JobRecord:
        """Store a new job."""
        values = {
            "kind": kind,
            "state": state.value,
            "parameters": dict(parameters),
            "done": 0,
            "total": 0,
            "report": {},
            "error": None,
            "cancelling": False,
            "created_at": datetime.now(UTC),
        }
        with self._database.transaction(write=True) as connection:
            made = connection.execute(insert(JobRow).values(**values).returning(JobRow.id))
            job_id = int(made.scalar_one())
        return self.get(job_id)

    def get(self, job_id: int) -> JobRecord:
        """One job.

        Raises:
            JobNotFoundError: there is none of that id.
        """
        query = select(*_COLUMNS).where(JobRow.id == job_id)
        with self._database.transaction() as connection:
            row = connection.execute(query).first() if can_be_id(job_id) else None
        if row is None:
            raise JobNotFoundError(f"there is no job {job_id}; list the jobs")
        return _record(row)

    def newest(self, *, limit: int, before: int | None = None) -> list[JobRecord]:
        """Jobs, newest first; `before` is the last id of the page before."""
        query = select(*_COLUMNS).order_by(JobRow.id.desc()).limit(bounded_limit(limit))
        if before is not None:
            query = query.where(JobRow.id < before)
        with self._database.transaction() as connection:
            return [_record(row) for row in connection.execute(query)]

    def unfinished(self) -> int:
        """How many jobs are being uploaded, wait or run."""
        open_states = [state.value for state in JobState if not state.final]
        query = select(func.count(JobRow.id)).where(JobRow.state.in_(open_states))
        with self._database.transaction() as connection:
            return int(connection.execute(query).scalar_one())

    def start(self, job_id: int, *, total: int) -> JobRecord:
        """Let a job whose files are all there, `total` of them, wait for a worker."""
        self._update(
            and_(JobRow.id == job_id, JobRow.state == JobState.UPLOADING.value),
            state=JobState.WAITING.value,
            total=total,
        )
        return self.get(job_id)

    def abandoned(self, age: timedelta) -> list[int]:
        """End the jobs whose upload began that long ago and never came to an end; their ids."""
        uploading = and_(
            JobRow.state == JobState.UPLOADING.value, JobRow.created_at < datetime.now(UTC) - age
        )
        with self._database.transaction() as connection:
            ids = list(connection.execute(select(JobRow.id).where(uploading)).scalars())
        return [job_id for job_id in ids if self.cancel(job_id).state is JobState.CANCELLED]

    def claim(self, worker: str, *, silence: timedelta) -> JobRecord | None:
        """Take the oldest job that waits, or whose worker has been silent for that long.

        What was done of it stays noted, so that it can be gone on with.
        """
        now = datetime.now(UTC)
        free = or_(
            JobRow.state == JobState.WAITING.value,
            and_(JobRow.state == JobState.RUNNING.value, JobRow.seen_at < now - silence),
        )
        query = select(JobRow.id).where(free).order_by(JobRow.id).limit(1)
        with self._database.transaction() as connection:
            if connection.execute(query).first() is None:
                return None  # usually so; a write lock need not be taken to see it
        with self._database.transaction(write=True) as connection:
            job_id = connection.execute(query.with_for_update(skip_locked=True)).scalar()
            if job_id is None:
                return None
            connection.execute(
                update(JobRow)
                .where(JobRow.id == job_id)
                .values(state=JobState.RUNNING.value, worker=worker, seen_at=now, started_at=now)
            )
        return self.get(job_id)

    def progress(
        self, job_id: int, worker: str, *, done: int, total: int, report: Mapping[str, Any]
    ) -> bool:
        """Note how far a job is; whether its worker should go on with it."""
        mine = and_(
            JobRow.id == job_id, JobRow.worker == worker, JobRow.state == JobState.RUNNING.value
        )
        held = self._update(
            mine, done=done, total=total, report=dict(report), seen_at=datetime.now(UTC)
        )
        return held and not self.get(job_id).cancelling

    def alive(self, job_id: int, worker: str) -> None:
        """Give a sign of life."""
        mine = and_(JobRow.id == job_id, JobRow.worker == worker)
        self._update(mine, seen_at=datetime.now(UTC))

    def finish(
        self,
        job_id: int,
        worker: str,
        state: JobState,
        *,
        report: Mapping[str, Any],
        error: str | None = None,
    ) -> bool:
        """End a job for good; whether it was still this worker's to end."""
        return self._update(
            and_(
                JobRow.id == job_id, JobRow.worker == worker, JobRow.state == JobState.RUNNING.value
            ),
            state=state.value,
            report=dict(report),
            error=error,
            finished_at=datetime.now(UTC),
        )

    def release(self, job_id: int, worker: str) -> None:
        """Give a job back, for this or another process to go on with."""
        mine = and_(
            JobRow.id == job_id, JobRow.worker == worker, JobRow.state == JobState.RUNNING.value
        )
        self._update(mine, state=JobState.WAITING.value, worker=None)

    def cancel(self, job_id: int) -> JobRecord:
        """Ask a job to stop; one that hasn't begun is over at once.

        Raises:
            JobNotFoundError: there is none of that id.
        """
        idle = (JobState.UPLOADING.value, JobState.WAITING.value)
        ended = self._update(
            and_(JobRow.id == job_id, JobRow.state.in_(idle)),
            state=JobState.CANCELLED.value,
            cancelling=True,
            finished_at=datetime.now(UTC),
        )
        if not ended:
            running = and_(JobRow.id == job_id, JobRow.state == JobState.RUNNING.value)
            self._update(running, cancelling=True)
        return self.get(job_id)

    def _update(self, condition: ColumnElement[bool], **values: Any) -> bool:
        with self._database.transaction(write=True) as connection:
            return connection.execute(update(JobRow).where(condition).values(**values)).rowcount > 0


def _record(row: Any) -> JobRecord:
    return JobRecord(row[0], row[1], JobState(row[2]), *row[3:])

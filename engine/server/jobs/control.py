"""What a running job tells the database, and how it learns that it should stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ...catalog.service import JobRecord, JobStore
from ...errors import OnelookError
from ..schemas import JobReportOut


class JobControl:
    """The link between a job's work and its record.

    Attributes:
        report: what came out so far.
        cancelled: somebody asked the job to stop.
        interrupted: the process stops; another will go on.
    """

    def __init__(
        self, jobs: JobStore, job: JobRecord, worker: str, stopping: threading.Event
    ) -> None:
        self._jobs = jobs
        self._job_id = job.id
        self._worker = worker
        self._stopping = stopping
        self._started = time.monotonic()
        self.report = JobReportOut.model_validate(job.report)
        self._before = self.report.seconds
        self.cancelled = False
        self.interrupted = False

    def progress(self, done: int, total: int, report: JobReportOut) -> bool:
        """Note how far the job is; whether to go on."""
        seconds = round(self._before + time.monotonic() - self._started, 3)
        self.report = report.model_copy(update={"seconds": seconds})
        go_on = self._jobs.progress(
            self._job_id,
            self._worker,
            done=done,
            total=total,
            report=self.report.model_dump(mode="json"),
        )
        if not go_on:
            self.cancelled = True
        elif self._stopping.is_set() and done < total:
            self.interrupted = True
        return not (self.cancelled or self.interrupted)

    @contextmanager
    def alive(self, seconds: float) -> Iterator[None]:
        """Give a sign of life now and then while the block runs."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(seconds):
                with suppress(OnelookError):
                    self._jobs.alive(self._job_id, self._worker)

        thread = threading.Thread(target=beat, name="onelook-job-alive", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

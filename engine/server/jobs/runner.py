"""Runs jobs, one at a time, in a thread of its own.

A job is claimed in the database, so that of several processes one runs it. While it runs, a sign
of life is noted; a job whose worker has been silent is taken over by another process or start, and
gone on with from where it was.
"""

from __future__ import annotations

import logging
import math
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from ...catalog.service import JobRecord, JobState
from ...errors import OnelookError, StorageError
from .. import trail
from ..logs import audit
from ..served import Served
from .control import JobControl
from .enrolment import run_enrolment
from .evaluation import run_evaluation
from .staging import staging_of

LOGGER = logging.getLogger(__name__)
POLL_SECONDS = 0.5
ALIVE_SECONDS = 5.0
TIDY_SECONDS = 3600.0
SILENCE = timedelta(seconds=30)
ABANDONED = timedelta(days=1)
SENDER = "sender"
"""The parameter that says who made a job; lines of its work and its end say so too."""


def _run_calibration(served: Served, _job: JobRecord, control: JobControl) -> None:
    """Calibrate on what people said, or without enough of it on what was evidence before."""
    if control.progress(0, 1, control.report):
        served.recognizer.recalibrate()
        control.progress(1, 1, control.report)


_WORK: Mapping[str, Callable[[Served, JobRecord, JobControl], None]] = {
    "enrolment": run_enrolment,
    "calibration": _run_calibration,
    "evaluation": run_evaluation,
}


class JobRunner:
    """Takes jobs from the database until it is closed."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._worker = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="onelook-jobs", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Look for a job now rather than at the next turn."""
        self._wake.set()

    def close(self) -> None:
        """Stop after the batch at hand; what is left of a job waits for the next start."""
        self._stop.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        tidied = -math.inf
        while not self._stop.is_set():
            try:
                if time.monotonic() - tidied > TIDY_SECONDS:
                    tidied = time.monotonic()
                    self._tidy()
                job = self._served.store.jobs.claim(self._worker, silence=SILENCE)
            except OnelookError as error:
                LOGGER.warning("looking for jobs failed: %s", type(error).__name__)
                job = None
            if job is None:
                self._wake.wait(POLL_SECONDS)
                self._wake.clear()
                continue
            try:
                with trail.on_behalf_of(job.parameters.get(SENDER)):
                    self._work_on(job)
            except OnelookError as error:  # it is taken up again once its worker has been silent
                LOGGER.warning("noting job %d failed: %s", job.id, type(error).__name__)

    def _tidy(self) -> None:
        """Let go of uploads that nobody finished."""
        for job_id in self._served.store.jobs.abandoned(ABANDONED):
            job = self._served.store.jobs.get(job_id)
            with trail.on_behalf_of(job.parameters.get(SENDER)):
                what = {"state": job.state.value, "error": "its files never all came"}
                audit("job ended", job=job_id, kind=job.kind, **what)
            staging_of(self._served, job_id).remove()

    def _work_on(self, job: JobRecord) -> None:
        jobs = self._served.store.jobs
        control = JobControl(jobs, job, self._worker, self._stop)
        with control.alive(ALIVE_SECONDS):
            try:
                self._require_files(job)
                _WORK[job.kind](self._served, job, control)
            except OnelookError as error:
                self._finish(job, control, JobState.FAILED, str(error))
                return
            except Exception:
                LOGGER.exception("job %d failed", job.id)
                self._finish(job, control, JobState.FAILED, "an unexpected error; see the log")
                return
        if control.cancelled:
            self._finish(job, control, JobState.CANCELLED, None)
        elif control.interrupted:
            jobs.release(job.id, self._worker)
        else:
            self._finish(job, control, JobState.DONE, None)

    def _require_files(self, job: JobRecord) -> None:
        found = len(staging_of(self._served, job.id).files())
        if job.kind != "calibration" and found < job.total:
            raise StorageError(
                f"{job.total - found} of the job's {job.total} files are gone; bring them again"
            )

    def _finish(
        self, job: JobRecord, control: JobControl, state: JobState, error: str | None
    ) -> None:
        report = control.report.model_dump(mode="json")
        jobs = self._served.store.jobs
        if jobs.finish(job.id, self._worker, state, report=report, error=error):
            counts: dict[str, Any] = {n: count for n, count in report.items() if type(count) is int}
            audit("job ended", job=job.id, kind=job.kind, state=state.value, **counts, error=error)
            staging_of(self._served, job.id).remove()  # else another process needs them still

"""Jobs: bulk enrolment, calibration, evaluation; their progress as server-sent events."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from ...catalog import normalised_label
from ...catalog.service import JobRecord, JobState
from ...errors import OnelookError, OverloadedError, ServiceError
from .. import trail, uploads
from ..access import require
from ..jobs.runner import SENDER
from ..jobs.staging import staging_of
from ..logs import audit
from ..presence import to_its_end, while_there
from ..schemas import JobOut, JobPageOut
from ..service import Service, service_of
from ..tokens import Scope

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
POLL_SECONDS = 0.25
KEEP_ALIVE = 15.0
Id = Annotated[int, Path(ge=1, le=2**53)]
_FILES = uploads.many_files("Pictures, whose names may hold folders, or ZIP or TAR archives.")
_HOLD: dict[str, Any] = {
    "type": "string",
    "enum": ["true", "false"],
    "description": "`true`: more files follow; begin when told to.",
}


@router.get("", dependencies=[require(Scope.ENROLL)])
def list_jobs(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> JobPageOut:
    """Jobs, newest first."""
    found = service_of(request).store.jobs.newest(limit=limit + 1, before=before)
    page = found[:limit]
    return JobPageOut(
        jobs=[job_out(job) for job in page], next=page[-1].id if len(found) > limit else None
    )


@router.post(
    "/enrolment",
    status_code=202,
    dependencies=[require(Scope.ENROLL)],
    openapi_extra=uploads.body(
        files=dict(_FILES),
        label={"type": "string", "description": "The class of every picture."},
        allow_duplicates={"type": "string", "enum": ["true", "false"]},
        hold=dict(_HOLD),
    ),
)
async def enroll(request: Request) -> JobOut:
    """Enroll many pictures: each file's path, or the folder it lies in, says its class."""
    service = service_of(request)
    async with uploads.multipart(request, max_files=service.options.max_files) as form:
        label = uploads.text(form, "label")
        parameters = {
            "label": None if label is None else normalised_label(label),
            "allow_duplicates": uploads.flag(form, "allow_duplicates"),
        }
        return await _begin(request, "enrolment", parameters, form)


@router.post(
    "/evaluation",
    status_code=202,
    dependencies=[require(Scope.ENROLL)],
    openapi_extra=uploads.body(files=dict(_FILES), hold=dict(_HOLD)),
)
async def evaluate(request: Request) -> JobOut:
    """Recognise labelled pictures and count the answers; what is no class is a stranger."""
    service = service_of(request)
    async with uploads.multipart(request, max_files=service.options.max_files) as form:
        return await _begin(request, "evaluation", {}, form)


@router.post("/calibration", status_code=202, dependencies=[require(Scope.ADMIN)])
def calibrate(request: Request) -> JobOut:
    """Refresh the statistics of every class and the calibration."""
    service = service_of(request)
    job = _new_job(service, "calibration", {}, JobState.WAITING)
    service.wake_jobs()
    return job_out(job)


@router.get("/{job_id}", dependencies=[require(Scope.ENROLL)])
def show_job(request: Request, job_id: Id) -> JobOut:
    """How far a job is, and what came out so far."""
    return job_out(service_of(request).store.jobs.get(job_id))


@router.post(
    "/{job_id}/files",
    dependencies=[require(Scope.ENROLL)],
    openapi_extra=uploads.body(files=dict(_FILES)),
)
async def add_files(request: Request, job_id: Id) -> JobOut:
    """Bring more files to a job that is held."""
    service = service_of(request)
    job = await run_in_threadpool(service.store.jobs.get, job_id)
    if job.state is not JobState.UPLOADING:
        raise ServiceError(f"job {job_id} takes no more files: it is {job.state.value}")
    async with uploads.multipart(request, max_files=service.options.max_files) as form:
        await _stage(request, service, job_id, form)
    job = await run_in_threadpool(service.store.jobs.get, job_id)
    if job.state is not JobState.UPLOADING:
        raise ServiceError(f"job {job_id} began before these files came; bring them in another")
    return job_out(job)


@router.post("/{job_id}/start", dependencies=[require(Scope.ENROLL)])
def start_job(request: Request, job_id: Id) -> JobOut:
    """Begin a job that was held."""
    return _start(service_of(request), job_id)


@router.post("/{job_id}/cancel", dependencies=[require(Scope.ENROLL)])
def cancel_job(request: Request, job_id: Id) -> JobOut:
    """Ask a job to stop; what it has enrolled stays."""
    service = service_of(request)
    job = service.store.jobs.cancel(job_id)
    audit("job cancelled", job=job_id, kind=job.kind)
    if job.state is JobState.CANCELLED:
        staging_of(service.served, job_id).remove()
    return job_out(job)


@router.get(
    "/{job_id}/events",
    dependencies=[require(Scope.ENROLL)],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def follow_job(request: Request, job_id: Id) -> StreamingResponse:
    """The job whenever it has changed, as server-sent events, until it is over."""
    service = service_of(request)
    job = await run_in_threadpool(service.store.jobs.get, job_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        _events(request, service, job), media_type="text/event-stream", headers=headers
    )


async def _events(request: Request, service: Service, job: JobRecord) -> AsyncIterator[str]:
    sent: JobRecord | None = None
    silent = 0.0
    while True:
        if job != sent:
            yield f"data: {job_out(job).model_dump_json()}\n\n"
            sent, silent = job, 0.0
        if job.state.final or service.stopping.is_set() or await request.is_disconnected():
            return
        await asyncio.sleep(POLL_SECONDS)
        silent += POLL_SECONDS
        if silent >= KEEP_ALIVE:
            yield ": still there\n\n"
            silent = 0.0
        job = await run_in_threadpool(service.store.jobs.get, job.id)


async def _begin(request: Request, kind: str, parameters: dict[str, Any], form: Any) -> JobOut:
    service = service_of(request)
    hold = uploads.flag(form, "hold")
    uploads.files(form, "files")
    jobs = service.store.jobs
    job = await run_in_threadpool(_new_job, service, kind, parameters, JobState.UPLOADING)
    try:
        await _stage(request, service, job.id, form)
    except (OnelookError, ClientDisconnect):
        await run_in_threadpool(jobs.cancel, job.id)
        audit("job ended", job=job.id, kind=kind, state=JobState.CANCELLED.value)
        await run_in_threadpool(staging_of(service.served, job.id).remove)
        raise
    if not hold:
        return await run_in_threadpool(_start, service, job.id)
    return job_out(job)


def _new_job(service: Service, kind: str, parameters: dict[str, Any], state: JobState) -> JobRecord:
    if service.store.jobs.unfinished() >= service.options.max_jobs:
        raise OverloadedError(
            f"{service.options.max_jobs} jobs aren't finished, and no more are taken; try again "
            "when one is, or cancel one"
        )
    request = trail.current()
    sender = None if request is None else request.sender()
    job = service.store.jobs.add(kind, {**parameters, SENDER: sender}, state=state)
    audit("job made", job=job.id, kind=kind)
    return job


async def _stage(request: Request, service: Service, job_id: int, form: Any) -> None:
    """Store what a form brings; that ends when the caller hangs up."""
    found = [(file.filename or "picture", file.file) for file in uploads.files(form, "files")]
    staging = staging_of(service.served, job_id)
    left = threading.Event()
    storing = to_its_end(staging.add, found, left.is_set)
    await while_there(request, storing, on_leave=left.set)


def _start(service: Service, job_id: int) -> JobOut:
    files = staging_of(service.served, job_id).files()
    job = service.store.jobs.start(job_id, total=len(files))
    audit("job begun", job=job_id, kind=job.kind, files=len(files))
    service.wake_jobs()
    return job_out(job)


def job_out(job: JobRecord) -> JobOut:
    """A job, as it goes over the wire."""
    return JobOut.model_validate(job)

"""Whether the process lives, is ready, and how it fares."""

from __future__ import annotations

from contextlib import suppress

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from ...errors import OnelookError
from .. import problems
from ..access import require
from ..schemas import HealthOut, ReadinessOut
from ..service import service_of
from ..tokens import Scope

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def health() -> HealthOut:
    """Answers as long as the process lives."""
    return HealthOut(status="ok")


@router.get(
    "/readyz",
    response_model=ReadinessOut,
    responses={503: {"model": ReadinessOut, "description": "Not ready"}},
)
async def readiness(request: Request) -> JSONResponse:
    """200 when requests are welcome; 503 while starting, while stopping, and when broken.

    Broken is a service whose gallery was moved, deleted or replaced, or which can't recognise.
    `problems` tells what else doesn't work, such as a full disk or a database that is away.
    """
    found = service_of(request).readiness()
    return JSONResponse(found.model_dump(), 200 if found.status == "ready" else 503)


@router.get(
    "/metrics",
    dependencies=[require(Scope.METRICS)],
    response_class=Response,
    responses={
        **problems.documented(),
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
    },
)
def metrics(request: Request) -> Response:
    """Counters and latencies in Prometheus's text format."""
    service = service_of(request)
    gallery = service.recognizer.gallery
    service.metrics.classes.set(gallery.snapshot().classes)
    with suppress(OnelookError):  # the database is away: what was told last stays
        service.metrics.drifted(gallery.queries.drift())
    return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

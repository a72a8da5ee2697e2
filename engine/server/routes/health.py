"""Whether the process lives, is ready, and how it fares."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from engine.server import problems
from engine.server.access import require
from engine.server.schemas import HealthOut
from engine.server.service import service_of
from engine.server.tokens import Scope

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def health() -> HealthOut:
    """Answers as long as the process lives."""
    return HealthOut(status="ok")


@router.get(
    "/readyz",
    response_model=HealthOut,
    responses={503: {"model": HealthOut, "description": "Not ready"}},
)
async def readiness(request: Request) -> JSONResponse:
    """200 when requests are welcome; 503 while starting and while stopping."""
    service = service_of(request)
    ready = service.ready and not service.stopping.is_set()
    status = "ready" if ready else "stopping" if service.stopping.is_set() else "starting"
    return JSONResponse({"status": status}, 200 if ready else 503)


@router.get(
    "/metrics",
    dependencies=[require(Scope.ADMIN)],
    response_class=Response,
    responses={
        **problems.documented(),
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
    },
)
def metrics(request: Request) -> Response:
    """Counters and latencies in Prometheus's text format."""
    service = service_of(request)
    service.metrics.classes.set(service.recognizer.gallery.snapshot().classes)
    return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

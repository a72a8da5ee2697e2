"""Builds the application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.utils import get_openapi

from .. import __version__
from ..recognizer import Recognizer
from . import problems
from .guard import Guard
from .options import ServerOptions
from .routes import (
    classes,
    counterexamples,
    examples,
    health,
    jobs,
    page,
    quality,
    recognition,
    review,
    session,
)
from .schemas import Problem
from .service import Service

_ROUTERS = (
    session.router,
    recognition.router,
    classes.router,
    counterexamples.router,
    examples.router,
    jobs.router,
    review.router,
    quality.router,
)


def create_app(recognizer: Recognizer, options: ServerOptions | None = None) -> FastAPI:
    """The application over an open gallery; the caller closes the gallery afterwards."""
    service = Service(recognizer, options or ServerOptions())

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(service.start)
        try:
            yield
        finally:
            await run_in_threadpool(service.stop)

    app = FastAPI(
        title="Onelook",
        version=__version__,
        summary="One-shot image recognition: enroll one picture of each thing, recognise them.",
        docs_url=None,  # both would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    problems.install(app)
    app.include_router(health.router)
    for router in _ROUTERS:
        app.include_router(router, responses=problems.documented())
    page.install(app)
    app.add_middleware(Guard, service=service)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        document["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}, {}]
        app.openapi_schema = document
    return app.openapi_schema

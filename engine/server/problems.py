"""Errors as problem+json (RFC 9457), with the library's own messages."""

from __future__ import annotations

import errno
import logging
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.status import HTTP_500_INTERNAL_SERVER_ERROR

from .. import errors
from . import trail
from .schemas import Problem

LOGGER = logging.getLogger(__name__)
CLIENT_HUNG_UP = 499
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENOSPC)
MEDIA_TYPE = "application/problem+json"

_STATUS: dict[type[errors.OnelookError], int] = {
    errors.ImageError: 422,
    errors.LabelError: 422,
    errors.ManifestError: 422,
    errors.FilterError: 422,
    errors.TextError: 422,
    errors.CalibrationError: 409,
    errors.AuthorizationError: 401,
    errors.TooLargeError: 413,
    errors.ArchiveError: 422,
    errors.OverloadedError: 503,
    errors.JobNotFoundError: 404,
    errors.ServiceError: 400,
    errors.ReadOnlyError: 403,
    errors.StorageError: 503,
    errors.SpaceMismatchError: 409,
    errors.ClassNotFoundError: 404,
    errors.ExampleNotFoundError: 404,
    errors.ClassExistsError: 409,
    errors.DuplicateImageError: 409,
    errors.GalleryDamagedError: 500,
    errors.GalleryError: 422,
}
_TITLES = {
    400: "Bad request",
    401: "A token is needed",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
    413: "Too large",
    422: "Can't be processed",
    429: "Too many requests",
    500: "Internal error",
    503: "Try again later",
}
DOCUMENTED = (400, 401, 403, 404, 408, 409, 413, 422, 429, 503)


class ForbiddenError(errors.AuthorizationError):
    """The caller is known, but may not do this."""


class SlowError(errors.ServiceError):
    """A request's body didn't come in time."""


class RateError(errors.OverloadedError):
    """The caller asks too often.

    Attributes:
        seconds: after how long to try again.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


def status_of(error: errors.OnelookError) -> int:
    """The HTTP status that tells of an error."""
    if isinstance(error, ForbiddenError):
        return 403
    if isinstance(error, RateError):
        return 429
    if isinstance(error, SlowError):
        return 408
    return next(
        (_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS),
        HTTP_500_INTERNAL_SERVER_ERROR,
    )


def problem_response(error: errors.OnelookError) -> JSONResponse:
    """The answer that tells of an error."""
    status = status_of(error)
    noted = trail.current()
    if noted is not None:
        noted.error = type(error).__name__
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 408:
        headers["Connection"] = "close"
    if status in (429, 503):
        seconds = error.seconds if isinstance(error, RateError) else 1.0
        headers["Retry-After"] = str(max(1, round(seconds)))
    return _response(status, _text(str(error)), _public_name(error), headers)


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem."""
    app.add_exception_handler(errors.OnelookError, _on_our_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(ClientDisconnect, _on_hung_up)
    app.add_exception_handler(OSError, _on_system_error)
    app.add_exception_handler(HTTPException, _on_http_error)


def documented() -> dict[int | str, dict[str, Any]]:
    """The error answers, for the OpenAPI document."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _TITLES[status], "content": content} for status in DOCUMENTED}


async def _on_our_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.OnelookError)
    if status_of(error) == 500:
        LOGGER.error("%s failed", request.method, exc_info=error)
    elif isinstance(error, errors.StorageError):
        LOGGER.warning("the database can't be used", exc_info=error)
    return problem_response(error)


async def _on_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = "; ".join(
        f"{' '.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
    )
    return _response(422, _text(problems), "ServiceError", {})


async def _on_http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    return _response(error.status_code, _text(str(error.detail)), "ServiceError", headers)


async def _on_hung_up(_request: Request, _error: Exception) -> Response:
    return Response(status_code=CLIENT_HUNG_UP)  # for the metrics; nobody is left to read it


async def _on_system_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OSError)
    if error.errno not in _EXHAUSTED:
        return bug_response(error)
    LOGGER.error("a request failed: %s", error.strerror)
    return problem_response(
        errors.OverloadedError(f"the service has run short ({error.strerror}); try again later")
    )


def bug_response(error: Exception) -> JSONResponse:
    """The answer that tells of an error nobody foresaw, which is logged."""
    LOGGER.error("unexpected error", exc_info=error)
    detail = "an unexpected error; the service's log says more"
    return _response(500, detail, "ServiceError", {})


def _response(status: int, detail: str, name: str, headers: dict[str, str]) -> JSONResponse:
    noted = trail.current()
    if noted is not None:
        noted.detail = detail
    problem = Problem(title=_TITLES.get(status, "Error"), status=status, detail=detail, error=name)
    return JSONResponse(
        problem.model_dump(), status_code=status, headers=headers, media_type=MEDIA_TYPE
    )


def _public_name(error: errors.OnelookError) -> str:
    return next(kind.__name__ for kind in type(error).__mro__ if hasattr(errors, kind.__name__))


def _text(message: str) -> str:
    """A message that UTF-8 can carry: lone surrogates are written as escapes."""
    return message.encode("utf-8", "backslashreplace").decode("utf-8")

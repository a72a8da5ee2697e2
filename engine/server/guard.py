"""What holds for every request: security headers, the limit of its body, its time in the metrics.

Plain ASGI, so that answers stream and bodies are counted as they arrive.
"""

from __future__ import annotations

import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.errors import TooLargeError
from engine.server.options import MEBIBYTE
from engine.server.problems import problem_response
from engine.server.service import Service

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    b"content-security-policy": _POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(self), microphone=(), geolocation=()",
}
_STATIC_CACHE = b"no-cache"
_MAX_JSON = 256 * 1024


class Guard:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        watch = _Watch(self._service, scope, send)
        headers = dict(scope["headers"])
        limit = self._limit(scope["path"], headers.get(b"content-type", b""))
        announced = headers.get(b"content-length", b"0")
        try:
            if announced.isdigit() and int(announced) > limit:
                await problem_response(_too_large(limit))(scope, receive, watch.send)
            else:
                await self._app(scope, _counted(receive, limit), watch.send)
        finally:
            watch.finish()

    def _limit(self, path: str, content_type: bytes) -> int:
        options = self._service.options
        if not content_type.lower().startswith(b"multipart/"):
            return _MAX_JSON  # which is parsed before anybody has asked who sends it
        return options.max_upload_bytes if path.startswith("/v1/jobs") else options.max_body_bytes


class _Watch:
    """Adds headers to an answer and notes how long it took."""

    def __init__(self, service: Service, scope: Scope, send: Send) -> None:
        self._service = service
        self._scope = scope
        self._send = send
        self._status = 0
        self._started = time.perf_counter()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._add_headers(message)
        await self._send(message)

    def finish(self) -> None:
        metrics = self._service.metrics
        route: Any = self._scope.get("route")
        path = getattr(route, "path", "other")
        labels = (path, self._scope["method"], str(self._status))
        if self._scope["method"] not in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"):
            labels = (path, "other", str(self._status))
        metrics.requests.labels(*labels).observe(time.perf_counter() - self._started)
        if self._status >= 400:
            name = self._scope.get("onelook.error", str(self._status))
            metrics.errors.labels(name).inc()

    def _add_headers(self, message: Message) -> None:
        headers = list(message.get("headers", ()))
        present = {name.lower() for name, _ in headers}
        headers.extend(pair for pair in _HEADERS.items() if pair[0] not in present)
        if b"cache-control" not in present:
            static = self._scope["path"].startswith("/static/")
            headers.append((b"cache-control", _STATIC_CACHE if static else b"no-store"))
        if self._service.stopping.is_set():
            headers.append((b"connection", b"close"))
        message["headers"] = headers


def _counted(receive: Receive, limit: int) -> Receive:
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > limit:
                raise _too_large(limit)
        return message

    return counted


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(
        f"the request is larger than {limit / MEBIBYTE:,.4g} MiB; send smaller or fewer pictures"
    )

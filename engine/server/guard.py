"""What holds for every request: its body's size and time, how many there may be, security headers.

Plain ASGI, so that answers stream and bodies are counted as they arrive.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import OnelookError, OverloadedError, TooLargeError
from . import logs, trail
from .connections import most_connections
from .forwarding import arrived
from .options import MEBIBYTE
from .problems import SlowError, bug_response, problem_response
from .service import Service

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
_REQUEST_ID = b"x-request-id"
_MAX_JSON = 256 * 1024
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
_ALWAYS = ("/healthz", "/readyz")


class Guard:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._most = max(4, most_connections(service.options) // 2)
        self._busy = 0
        self._uploads = 0
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = arrived(scope, self._service.options)
        caller = scope.get("client")
        address = "" if caller is None else caller[0]
        with trail.followed(_header(scope, _REQUEST_ID), address) as request:
            await self._answer(request, scope, receive, send)

    async def _answer(
        self, request: trail.Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        path = scope["path"][len(scope.get("root_path", "")) :]
        multipart = _header(scope, b"content-type").lower().startswith(b"multipart/")
        upload = multipart and path.startswith("/v1/jobs")
        watch = _Watch(self._service, request, scope, path, send)
        if scope["method"] == "HEAD" and not path.endswith("/events"):
            scope["method"] = "GET"  # the server leaves the body of its answer out
        body = _Body(self, receive, watch, self._limit(multipart, upload), in_memory=not upload)
        self._busy += 1
        self._uploads += upload
        try:
            refusal = self._refusal(scope, path, body.limit)
            if refusal is None:
                await self._app(scope, body.receive, watch.send)
            else:
                await watch.refuse(refusal)
        except Exception as error:  # a bug, which the log tells of
            await watch.answer(bug_response(error))
        finally:
            self._busy -= 1
            self._uploads -= upload
            self._held -= body.held
            watch.finish()

    def hold(self, size: int) -> None:
        """Count bytes of a body that stays in memory.

        Raises:
            OverloadedError: there are more than may be.
        """
        self._held += size
        if self._held > self._service.options.max_held_bytes:
            raise OverloadedError("too many bodies are being received; try again in a moment")

    @property
    def service(self) -> Service:
        """What is guarded."""
        return self._service

    def _limit(self, multipart: bool, upload: bool) -> int:
        if not multipart:
            return _MAX_JSON  # which is parsed before anybody has asked who sends it
        options = self._service.options
        return options.max_upload_bytes if upload else options.max_body_bytes

    def _refusal(self, scope: Scope, path: str, limit: int) -> OnelookError | None:
        """Why a request isn't even looked at, or None."""
        announced = _header(scope, b"content-length")
        if announced.isdigit() and int(announced[:19]) > limit:
            return _too_large(limit)
        if path in _ALWAYS:
            return None
        if self._busy > self._most:
            return OverloadedError(f"{self._most} requests are in work; try again in a moment")
        if self._uploads > self._service.options.max_uploads:
            return OverloadedError("too many bring files to jobs at a time; try again in a moment")
        return None


class _Body:
    """A request's body as it arrives: not too large, not too slow.

    Only the time counts in which the service waits for the sender, not that in which it works.
    """

    def __init__(
        self, guard: Guard, receive: Receive, watch: _Watch, limit: int, *, in_memory: bool
    ) -> None:
        self.limit = limit
        self.held = 0
        self._guard = guard
        self._options = guard.service.options
        self._receive = receive
        self._watch = watch
        self._in_memory = in_memory
        self._taken = 0
        self._waited = 0.0
        self._complete = False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            message = await self._next()
            if message["type"] == "http.request":
                self._count(len(message.get("body", b"")))
                self._complete = not message.get("more_body", False)
        except OnelookError as error:
            self._complete = True
            await self._watch.refuse(error)
            raise ClientDisconnect from None  # whoever is parsing it has nothing more to say
        return message

    async def _next(self) -> Message:
        options = self._options
        allowed = options.body_seconds + self._taken / options.body_rate - self._waited
        started = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, allowed)):
                message = await self._receive()
        except TimeoutError:
            raise SlowError(
                f"the request's body came too slowly: {self._taken:,} bytes within "
                f"{self._waited + allowed:.0f} seconds"
            ) from None
        self._waited += time.monotonic() - started
        return message

    def _count(self, size: int) -> None:
        self._taken += size
        if self._taken > self.limit:
            raise _too_large(self.limit)
        if self._in_memory:
            self.held += size
            self._guard.hold(size)


class _Watch:
    """Adds headers to an answer and notes how long it took; once refused, nothing else is said."""

    def __init__(
        self, service: Service, request: trail.Request, scope: Scope, path: str, send: Send
    ) -> None:
        self._service = service
        self._request = request
        self._scope = scope
        self._path = path
        self._method = scope["method"]
        self._static = path.startswith("/static/")
        self._send = send
        self._status = 0
        self._refused = False
        self._started = time.perf_counter()

    async def send(self, message: Message) -> None:
        if self._refused:
            return
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._add_headers(message)
        await self._send(message)

    async def refuse(self, error: OnelookError) -> None:
        """Answer in place of the application, unless it has begun to."""
        await self.answer(problem_response(error))

    async def answer(self, response: Response) -> None:
        """Give that answer in place of the application's, unless it has begun to."""
        if self._status == 0:
            await response(self._scope, _nothing, self.send)
        self._refused = True

    def finish(self) -> None:
        """Count and log the request."""
        seconds = time.perf_counter() - self._started
        metrics = self._service.metrics
        route: Any = self._scope.get("route")
        path = getattr(route, "path", "other")
        method = self._method if self._method in _METHODS else "other"
        metrics.requests.labels(path, method, str(self._status)).observe(seconds)
        if self._status >= 400:
            metrics.errors.labels(self._request.error or str(self._status)).inc()
        logs.access(
            self._request,
            method=self._method,
            path=self._path,
            status=self._status,
            seconds=seconds,
        )

    def _add_headers(self, message: Message) -> None:
        headers = list(message.get("headers", ()))
        present = {name.lower() for name, _ in headers}
        headers.extend(pair for pair in _HEADERS.items() if pair[0] not in present)
        headers.append((_REQUEST_ID, self._request.id.encode()))
        if b"cache-control" not in present:
            headers.append((b"cache-control", _STATIC_CACHE if self._static else b"no-store"))
        if self._service.stopping.is_set() and b"connection" not in present:
            headers.append((b"connection", b"close"))
        message["headers"] = headers


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _header(scope: Scope, name: bytes) -> bytes:
    found: bytes = dict(scope["headers"]).get(name, b"")
    return found


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(
        f"the request is larger than {limit / MEBIBYTE:,.4g} MiB; send smaller or fewer pictures"
    )

"""Runs the service in this process until it is asked to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from engine.errors import SettingsError
from engine.recognizer import Recognizer
from engine.server.app import create_app
from engine.server.options import ServerOptions
from engine.server.service import Service, check_exposure

GRACE_SECONDS = 30
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Server(uvicorn.Server):
    """Says that it is stopping before it does, and goes on for a moment meanwhile."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM, and then return, so that the gallery is closed in order."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        former = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.service.stopping.set()
        await asyncio.sleep(self.service.options.drain_seconds)
        await super().shutdown(sockets)


def serve(
    recognizer: Recognizer,
    options: ServerOptions,
    *,
    on_listening: Callable[[], None] = lambda: None,
) -> None:
    """Serve a gallery until SIGINT or SIGTERM; requests that were accepted are answered first.

    Args:
        on_listening: called once connections are taken; they are answered soon after.

    Raises:
        SettingsError: the service could be reached from elsewhere, but no token is configured; the
            address is taken or not this machine's; the TLS files can't be used.
    """
    server = server_of(recognizer, options)
    try:
        listening = _listen(options)
    except BaseException:
        server.service.stop()
        raise
    on_listening()
    server.run(sockets=[listening])


def server_of(
    recognizer: Recognizer, options: ServerOptions, *, port: int | None = None
) -> _Server:
    """A server that is ready to run; `port` is taken rather than that of the options.

    Raises:
        SettingsError: the service could be reached from elsewhere, but no token is configured; the
            TLS files can't be used.
    """
    app = create_app(recognizer, options)
    service: Service = app.state.service
    config = uvicorn.Config(
        app,
        host=options.host,
        port=options.port if port is None else port,
        ssl_certfile=options.tls_cert,
        ssl_keyfile=None if options.tls_key is None else str(options.tls_key),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=64 * 1024,
    )
    try:
        check_exposure(options, service.tokens)
        _load(config)
    except BaseException:
        service.stop()
        raise
    return _Server(config, service)


def _load(config: uvicorn.Config) -> None:
    try:
        config.load()
    except OSError as error:  # an SSLError is one
        raise SettingsError(
            f"the certificate {config.ssl_certfile} and the key {config.ssl_keyfile} can't be "
            f"used: expected two PEM files that belong together ({error.strerror or error})"
        ) from None


def _listen(options: ServerOptions) -> socket.socket:
    host, port = options.host, options.port
    try:
        [(family, *_), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = str(error.strerror).partition(" (")[0]  # what follows repeats the address
        raise SettingsError(
            f"{host} port {port} can't be listened on: {why}; choose another --port or --host"
        ) from None

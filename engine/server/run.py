"""Runs the service in this process until it is asked to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import uvicorn

from ..errors import SettingsError
from ..memory import give_memory_back, settle_allocator
from ..recognizer import Recognizer
from . import logs
from .app import create_app
from .connections import (
    Connection,
    Door,
    ask_for_descriptors,
    drop_overdue,
    log_quietly,
    most_connections,
)
from .options import ServerOptions
from .service import Service, check_exposure

GRACE_SECONDS = 30
_TRIM_TICKS = 600  # of a tenth of a second each
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Server(uvicorn.Server):
    """Says that it is stopping before it does, and goes on for a moment meanwhile."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service
        self.most = most_connections(service.options)

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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(log_quietly)
        if sys.platform == "win32" or sockets is None:
            await super().startup(sockets)  # whose loop can't be asked about sockets
            return
        await super().startup([])
        self.servers = cast(
            "list[asyncio.base_events.Server]", [self._door(socket) for socket in sockets]
        )

    def _door(self, listening: socket.socket) -> Door:
        state = self.server_state
        return Door(
            listening,
            lambda: Connection(self.config, state, self.lifespan.state),
            lambda: cast("set[Connection]", state.connections),
            tls=self.config.ssl,
            most=self.most,
        )

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            connections = cast("set[Connection]", self.server_state.connections)
            drop_overdue(list(connections), self.service.options)
        if counter % _TRIM_TICKS == _TRIM_TICKS - 1:
            asyncio.get_running_loop().run_in_executor(None, give_memory_back)
        return await super().on_tick(counter)

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
    ask_for_descriptors(options)
    settle_allocator()
    server = server_of(recognizer, options)
    try:
        listening = listen(options)
    except BaseException:
        server.service.stop()
        raise
    logs.started(recognizer, options.address)
    on_listening()
    server.run(sockets=[listening])
    logs.ended()


def server_of(recognizer: Recognizer, options: ServerOptions) -> _Server:
    """A server that is ready to run on a socket that listens.

    Raises:
        SettingsError: the service could be reached from elsewhere, but no token is configured; the
            TLS files can't be used.
    """
    app = create_app(recognizer, options)
    service: Service = app.state.service
    config = uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        ssl_certfile=options.tls_cert,
        ssl_keyfile=None if options.tls_key is None else str(options.tls_key),
        log_config=None,
        log_level="warning",
        access_log=False,
        http=Connection,
        ws="none",
        proxy_headers=False,  # see engine.server.forwarding
        server_header=False,
        timeout_keep_alive=options.rest_seconds,
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


def listen(options: ServerOptions) -> socket.socket:
    """A socket that listens where the options say.

    Raises:
        SettingsError: the address is taken or not this machine's.
    """
    host, port = options.host, options.port
    try:
        [(family, *_), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = str(error.strerror).partition(" (")[0]  # what follows repeats the address
        raise SettingsError(
            f"{host} port {port} can't be listened on: {why}; choose another --port or --host"
        ) from None

"""Connections: only so many at a time, and each within its time, whatever its other end does.

Whoever connects and says nothing costs a descriptor. At the limit, the connection that has waited
for a request for the longest makes room for the next. Should the process run out of descriptors all
the same, one that is kept in reserve lets the caller be turned away, so that the queue moves on;
nothing here opens a file, imports a module or writes a traceback when that happens.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import ssl
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from .options import ServerOptions

if sys.platform != "win32":
    import resource

LOGGER = logging.getLogger(__name__)
HANDSHAKE_SECONDS = 10.0
_AT_ONCE = 64
_QUIET_SECONDS = 10.0
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Connection(H11Protocol):
    """One connection, which knows since when it has been waiting for its other end."""

    waits_since = 0.0
    _answered = False
    _partial_since: float | None = None
    _unsent = 0
    _unsent_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.waits_since = time.monotonic()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self.idle and self._partial_since is None:
            self._partial_since = time.monotonic()
        super().data_received(data)
        if not self.idle:
            self._partial_since = None

    def on_response_complete(self) -> None:
        self._answered = True
        self.waits_since = time.monotonic()
        super().on_response_complete()

    @property
    def idle(self) -> bool:
        """Whether no request is being worked on; a part of one may have come."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def closing(self) -> bool:
        """Whether it is as good as gone."""
        return self.transport.is_closing()

    def drop(self) -> None:
        """End it at once, whatever is still to be sent."""
        self.transport.abort()

    def overdue(self, now: float, options: ServerOptions) -> bool:
        """Whether its other end has kept the service waiting for too long.

        Either a request's headers, or what is left of a body that was refused, don't come; or what
        was sent isn't taken. (Bodies that are being read are timed by `engine.server.guard`, and
        connections that rest between requests by uvicorn.)
        """
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
        if unsent:
            return now - self._unsent_since > options.send_seconds
        if self._partial_since is not None:
            return now - self._partial_since > options.header_seconds
        return not self._answered and self.idle and now - self.waits_since > options.header_seconds


class Door:
    """Takes connections in; stands where uvicorn keeps an `asyncio.Server`.

    Args:
        listening: a socket that listens; closed by whoever made it.
        make: makes the protocol of a new connection.
        there: the connections that are open.
        most: how many may be.
    """

    def __init__(
        self,
        listening: socket.socket,
        make: Callable[[], Connection],
        there: Callable[[], Collection[Connection]],
        *,
        tls: ssl.SSLContext | None,
        most: int,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listening = listening
        self._make = make
        self._there = there
        self._tls = tls
        self._most = most
        self._coming: set[asyncio.Task[None]] = set()
        self._spare: int | None = None
        self._said = -_QUIET_SECONDS
        self._keep_spare()
        listening.setblocking(False)
        self._loop.add_reader(listening, self._on_caller)

    def close(self) -> None:
        """Take no more."""
        self._loop.remove_reader(self._listening)
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    async def wait_closed(self) -> None:
        """Wait for those that are still shaking hands."""
        if self._coming:
            await asyncio.wait(self._coming)

    def _on_caller(self) -> None:
        for _ in range(_AT_ONCE):  # then others have their turn
            try:
                caller, _address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._turn_away(error)
                return
            if not self._has_room():
                caller.close()
                continue
            caller.setblocking(False)
            with suppress(OSError):  # it has hung up
                # An answer's body isn't held back until its headers were acknowledged: 40 ms.
                caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._let_in(caller))
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)

    async def _let_in(self, caller: socket.socket) -> None:
        times = None if self._tls is None else HANDSHAKE_SECONDS
        try:
            await self._loop.connect_accepted_socket(
                self._make, caller, ssl=self._tls, ssl_handshake_timeout=times
            )
        except (OSError, TimeoutError, asyncio.CancelledError):  # hung up, or no handshake
            caller.close()

    def _has_room(self) -> bool:
        there = [connection for connection in self._there() if not connection.closing]
        if len(there) + len(self._coming) < self._most:
            return True
        return self._make_room(there)

    def _make_room(self, there: Collection[Connection]) -> bool:
        """Drop the connection that has been idle for the longest, if any is."""
        idle = [connection for connection in there if connection.idle]
        if not idle:
            return False
        min(idle, key=lambda connection: connection.waits_since).drop()
        return True

    def _turn_away(self, error: OSError) -> None:
        """Without a descriptor left, let go of the caller and of whoever is idle."""
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None
            try:
                caller, _address = self._listening.accept()
                caller.close()
            except OSError:  # it has gone by itself, or another thread was faster
                pass
        self._make_room([connection for connection in self._there() if not connection.closing])
        self._keep_spare()
        now = time.monotonic()
        if now - self._said > _QUIET_SECONDS:
            self._said = now
            LOGGER.error("connections are turned away: %s", os.strerror(error.errno or 0))
        if self._spare is None:  # else the loop would turn on the spot until one is free
            self._loop.remove_reader(self._listening)
            self._loop.call_later(1.0, self._try_again)

    def _try_again(self) -> None:
        if self._listening.fileno() >= 0:
            self._keep_spare()
            self._loop.add_reader(self._listening, self._on_caller)

    def _keep_spare(self) -> None:
        if self._spare is None:
            try:
                self._spare = os.open(os.devnull, os.O_RDONLY)
            except OSError:
                return


def most_connections(options: ServerOptions) -> int:
    """How many connections are taken: a third of the descriptors at most, the rest is for work.

    Every other of them may have a request in work; see `engine.server.guard`.
    """
    if sys.platform == "win32":  # which knows no such limit
        return options.max_connections
    descriptors, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return options.max_connections
    return max(8, min(options.max_connections, descriptors // 3))


def ask_for_descriptors(options: ServerOptions) -> None:
    """Raise this process's limit of open files as far as it may and as the options want."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * options.max_connections
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def drop_overdue(connections: Collection[Connection], options: ServerOptions) -> None:
    """Drop connections that keep the service waiting, and, should too much wait to be sent, the
    ones that most of it waits for."""
    now = time.monotonic()
    for connection in connections:
        if connection.overdue(now, options):
            connection.drop()
    unsent = {
        connection: connection.transport.get_write_buffer_size() for connection in connections
    }
    waiting = sum(unsent.values())
    for connection in sorted(unsent, key=lambda connection: -unsent[connection]):
        if waiting <= options.max_held_bytes:
            return
        waiting -= unsent[connection]
        connection.drop()


def log_quietly(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An event loop's exception handler that opens nothing and never raises."""
    error = context.get("exception")
    kind = "" if error is None else f": {type(error).__name__}"
    with suppress(Exception):  # nothing is left to say it with
        LOGGER.error("%s%s", context.get("message", "an error in the event loop"), kind)

"""Work is done only for callers who are still there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

T = TypeVar("T")


async def while_there(
    request: Request,
    work: Coroutine[Any, Any, T],
    *,
    on_leave: Callable[[], object] = lambda: None,
) -> T:
    """What the work gives; it is cancelled when the caller hangs up.

    Args:
        request: its body must have been read.
        work: what runs in a thread goes on; see `to_its_end`.
        on_leave: called when the caller hangs up, before the work is cancelled; may tell a thread.

    Raises:
        ClientDisconnect: the caller hung up.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_hung_up(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            on_leave()
            working.cancel()
            await asyncio.wait((working,))
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()


async def to_its_end(work: Callable[..., T], *args: Any) -> T:
    """What the work gives, in a thread; when cancelled, it ends no sooner than the thread does.

    So that nothing is cleaned up, or counted as free, that the thread still uses.
    """
    running = asyncio.ensure_future(run_in_threadpool(work, *args))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait((running,))
        if not running.cancelled():
            running.exception()  # which nobody is left to hear
        raise


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        await asyncio.sleep(0)

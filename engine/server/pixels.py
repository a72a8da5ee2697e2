"""Room for decoded pictures: what a few bytes decode to is what takes memory, so that is counted.

A picture's size is read from its header first. So many pixels may wait to be decoded, of all
requests together, and so many may be decoded at a time; those that wait have their turn in order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from ..errors import OverloadedError, TooLargeError
from .options import ServerOptions

_MILLION = 1_000_000
_WORTH_GIVING_BACK = 30 * _MILLION


class PixelRoom:
    """Counts pixels; used on the event loop only.

    Args:
        options: how many may be there.
        when_empty: called when nothing is decoded any more, after much was.
    """

    def __init__(
        self, options: ServerOptions, when_empty: Callable[[], object] = lambda: None
    ) -> None:
        self._options = options
        self._when_empty = when_empty
        self._decoded = 0
        self._free = options.max_decoding_pixels
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()
        self.waiting = 0

    @contextmanager
    def admitted(self, pixels: int) -> Iterator[None]:
        """Meanwhile a request's pixels are counted among those that wait.

        Raises:
            TooLargeError: one request brings more than any may.
            OverloadedError: too many are waiting already.
        """
        options = self._options
        if pixels > options.max_request_pixels:
            raise TooLargeError(
                f"the request's pictures have {pixels / _MILLION:,.0f} million pixels together, "
                f"more than {options.max_request_pixels / _MILLION:,.0f}; send smaller or fewer"
            )
        if self.waiting and self.waiting + pixels > options.max_waiting_pixels:
            raise OverloadedError(
                f"pictures of {self.waiting / _MILLION:,.0f} million pixels are waiting to be "
                "decoded; try again in a moment"
            )
        self.waiting += pixels
        try:
            yield
        finally:
            self.waiting -= pixels

    async def enter(self, pixels: int) -> int:
        """Wait for room to decode a picture; what to leave with afterwards.

        One picture has room however large it is, alone.
        """
        share = min(pixels, self._options.max_decoding_pixels)
        if not self._line and share <= self._free:
            self._free -= share
            return share
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((share, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(share)  # its turn had come at that moment
            else:
                self._line.remove((share, turn))
                self._call()
            raise
        return share

    def leave(self, share: int) -> None:
        """Give room back."""
        self._free += share
        self._decoded += share
        self._call()
        if self._free == self._options.max_decoding_pixels and self._decoded > _WORTH_GIVING_BACK:
            self._decoded = 0
            self._when_empty()

    @asynccontextmanager
    async def decoding(self, pixels: int) -> AsyncIterator[None]:
        """Room for one picture during a block that isn't left before its pixels are."""
        share = await self.enter(pixels)
        try:
            yield
        finally:
            self.leave(share)

    def _call(self) -> None:
        while self._line and self._line[0][0] <= self._free:
            share, turn = self._line.popleft()
            if not turn.done():
                self._free -= share
                turn.set_result(None)

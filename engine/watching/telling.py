"""Events told to others: in order, tried again, and never so many that memory fills."""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

LOGGER = logging.getLogger(__name__)
WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each further try."""

PATIENCE = 10.0
"""Seconds that one try may take."""

_WAITING = 1000
_QUIET_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event to be told.

    Attributes:
        id: the same however often it is tried.
        body: the event as JSON.
    """

    id: str
    body: bytes


class NotToldError(Exception):
    """A try failed.

    Attributes:
        again: whether it may fare better later.
        after: seconds that should pass before then.
    """

    def __init__(self, why: str, *, again: bool = True, after: float = 0.0) -> None:
        super().__init__(why)
        self.again = again
        self.after = after


class Channel(Protocol):
    """A way to whoever is told; one thread uses it, for some `PATIENCE` seconds a call at most."""

    @property
    def place(self) -> str:
        """Where it leads, without what may be secret in it."""

    def tell(self, delivery: Delivery) -> None:
        """Tell an event; raises `NotToldError` if it wasn't taken."""

    def close(self) -> None:
        """Let go of the connection."""


class Teller:
    """Tells events through a channel, which it closes, from a thread of its own.

    Args:
        waits: seconds before each further try.
        waiting: how many events may wait; further ones are dropped, which is logged.

    Attributes:
        place: where they are told.
        delivered: how many were.
    """

    def __init__(
        self, channel: Channel, *, waits: tuple[float, ...] = WAITS, waiting: int = _WAITING
    ) -> None:
        self.place = channel.place
        self.delivered = self._failed = self._dropped = 0
        self._channel = channel
        self._waits = waits
        self._waiting = waiting
        self._dropped_said = -_QUIET_SECONDS
        self._closing = threading.Event()
        self._abandoned = False
        self._queue: queue.Queue[Delivery | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="onelook-teller", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """How many events were not told and won't be."""
        return self._failed + self._dropped

    def send(self, event: Mapping[str, Any]) -> None:
        """Have an event told, which has an `id`; returns at once."""
        if self._queue.qsize() >= self._waiting:
            self._dropped += 1
            if time.monotonic() - self._dropped_said > _QUIET_SECONDS:
                self._dropped_said = time.monotonic()
                LOGGER.warning(
                    "%s: %d events wait to be told, so further ones are dropped",
                    self.place,
                    self._waiting,
                )
            return
        self._queue.put(Delivery(event["id"], json.dumps(event).encode()))

    def close(self, *, grace: float = 5.0) -> None:
        """Try what waits once more, for `grace` seconds; what is left then is lost."""
        self._closing.set()
        self._queue.put(None)
        self._thread.join(grace)
        if self._thread.is_alive():
            self._abandoned = True
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        try:
            while (delivery := self._queue.get()) is not None:
                if not self._abandoned and self._told(delivery):
                    self.delivered += 1
                else:
                    self._failed += 1
        finally:
            self._channel.close()

    def _told(self, delivery: Delivery) -> bool:
        for wait in (*self._waits, None):
            try:
                self._channel.tell(delivery)
            except NotToldError as error:
                why = error
            else:
                return True
            if not why.again or wait is None or self._closing.wait(max(wait, why.after)):
                break
        LOGGER.warning("%s: an event could not be told: %s", self.place, why)
        return False

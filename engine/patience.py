"""Waiting for a database server that is away for a moment."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from .errors import UnavailableError

LOGGER = logging.getLogger(__name__)
LONGEST_PAUSE = 2.0

T = TypeVar("T")


def patiently(action: Callable[[], T], *, seconds: float) -> T:
    """Do something, and again while a server is away or in the way: such a try did nothing.

    Args:
        seconds: how long to go on trying.

    Raises:
        UnavailableError: the last try's, when the time is over.
    """
    end = time.monotonic() + seconds
    pause = 0.05
    while True:
        try:
            return action()
        except UnavailableError as error:
            if time.monotonic() + pause > end:
                raise
            if pause > 1.0:
                LOGGER.warning("%s; trying again", error)
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)

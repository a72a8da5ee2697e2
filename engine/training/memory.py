"""Keeping the memory that training frees and takes again at every step."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of <malloc.h>
_MOST = 2**30


@cache
def keep_freed_memory() -> None:
    """Ask the C library not to give freed memory back to the system.

    By default it gives back large blocks at once, and the system clears each anew: on a CPU that
    takes 45 % of a training step. Only glibc can be asked; elsewhere nothing is done.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _MOST)
        mallopt(_TRIM_THRESHOLD, _MOST)

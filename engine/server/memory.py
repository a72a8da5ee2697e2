"""Memory goes back to the system once it isn't needed: glibc keeps large freed blocks by itself.

Its threshold above which a block is mapped, and so returned when freed, rises with what was freed
before; each thread that decoded a large picture would keep that much for good. And it makes an
arena for each of many threads, whose holes no other thread fills.
"""

from __future__ import annotations

import ctypes
import sys

_M_MMAP_THRESHOLD = -3  # <malloc.h>
_M_ARENA_MAX = -8
_LARGE = 2**20
_ARENAS = 2


def settle_allocator() -> None:
    """From now on, large blocks are mapped one by one and arenas are few; on glibc."""
    if sys.platform == "linux":
        choose = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
        if choose is not None:
            choose(_M_MMAP_THRESHOLD, _LARGE)
            choose(_M_ARENA_MAX, _ARENAS)


def give_memory_back() -> None:
    """Return to the system what was freed in small blocks; takes milliseconds."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)

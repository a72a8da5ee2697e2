"""Memory goes back to the system once it isn't needed: glibc keeps large freed blocks by itself.

Its threshold above which a block is mapped, and so returned when freed, rises with what was freed
before; each thread that decoded a large picture would keep that much for good.
"""

from __future__ import annotations

import ctypes
import sys

_M_MMAP_THRESHOLD = -3  # <malloc.h>
_LARGE = 8 * 2**20


def map_large_blocks() -> None:
    """From now on, let large blocks be mapped one by one; for this process, on glibc."""
    if sys.platform == "linux":
        choose = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
        if choose is not None:
            choose(_M_MMAP_THRESHOLD, _LARGE)


def give_memory_back() -> None:
    """Return to the system what was freed in small blocks; takes milliseconds."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)

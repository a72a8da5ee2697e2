"""When freed memory goes back to the system; on glibc, elsewhere nothing is done.

glibc keeps large freed blocks by itself: its threshold above which a block is mapped, and so
returned when freed, rises with what was freed before, and each thread that decoded a large picture,
or searched, would keep that much for good. And it makes an arena for each of many threads, whose
holes no other thread fills. These settings are the whole process's: a command chooses them, or the
service, never the library by itself, training aside.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # M_... of <malloc.h>
_LARGE = 2**20
_ARENAS = 2
_ALL = 2**30


def settle_allocator() -> None:
    """From now on, large blocks are mapped one by one and arenas are few, as suits a service.

    Its memory is then what it uses, however large the pictures were; the system clears each large
    block anew, which takes as long again as decoding.
    """
    _choose(_MMAP_THRESHOLD, _LARGE)
    _choose(_ARENA_MAX, _ARENAS)


def share_one_arena() -> None:
    """From now on, threads fill each other's holes, as suits a command that runs for long.

    Threads that have an arena of their own by then keep it.
    """
    _choose(_ARENA_MAX, 1)


def keep_freed_memory() -> None:
    """From now on, give nothing back, which training frees and takes again at every step.

    Else the system clears each large block anew: on a CPU that takes 45 % of a training step.
    """
    _choose(_MMAP_THRESHOLD, _ALL)
    _choose(_TRIM_THRESHOLD, _ALL)


def give_memory_back() -> None:
    """Return to the system what was freed in small blocks; takes milliseconds."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _choose(setting: int, value: int) -> None:
    choose = _of_glibc("mallopt")
    if choose is not None:
        choose(setting, value)


def _of_glibc(name: str) -> Any:
    """A function of the C library's; None where it has none of that name."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), name, None)

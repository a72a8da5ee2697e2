"""What the C library is told of memory, as it says itself; on glibc alone."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

ARENAS = """
import ctypes, sys, threading
from engine import memory

getattr(memory, sys.argv[1])()
meeting = threading.Barrier(6)

def work():
    held = [bytes(1000 + i) for i in range(100)]
    meeting.wait()
    del held

threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
library = ctypes.CDLL(None)
library.fdopen.restype = ctypes.c_void_p
library.malloc_info(0, ctypes.c_void_p(library.fdopen(1, b"w")))
library.fflush(None)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
@pytest.mark.parametrize(("setting", "most"), [("share_one_arena", 1), ("settle_allocator", 2)])
def test_threads_share_arenas(setting: str, most: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ARENAS, setting], capture_output=True, text=True, check=True
    )
    assert 1 <= done.stdout.count("<heap nr=") <= most

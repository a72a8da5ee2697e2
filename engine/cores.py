"""How many threads this process may use: found out here, limited here, and nowhere else.

Libraries that count the machine's cores themselves start a thread on each, and collapse in a
container that may use only some of them, or beside another program. Those whose limit belongs to
the process (BLAS) are told here; those whose limit belongs to a thread or an object (FAISS, ONNX
Runtime, pools of decoders) ask here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

_CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")

_most = 0
_busy = 0
_busy_lock = Lock()


def available_cores() -> int:
    """At least 1; affinity and, on Linux, a container's processor quota are honoured."""
    cores = _visible_cores()
    quota = _quota(_CGROUP_LIMIT)
    return cores if quota is None else max(1, min(cores, quota))


def limit_threads(most: int) -> None:
    """Cap the threads of every library in this process; 0 is one for each core it may use.

    The last call holds. torch is told when it is loaded.
    """
    global _most
    as_blas_counts = not (most or _most) and available_cores() == _visible_cores()
    _most = most
    if not as_blas_counts:
        from threadpoolctl import threadpool_limits  # rarely needed, and slow to import

        with _busy_lock:
            if not _busy:
                threadpool_limits(thread_limit(), user_api="blas")


@contextmanager
def every_core_busy() -> Iterator[None]:
    """Meanwhile BLAS multiplies on the threads that call it: others would take a core from work.

    Its threads spin for a tenth of a second after each product. Calls may overlap.
    """
    from threadpoolctl import threadpool_limits

    global _busy
    with _busy_lock:
        _busy += 1
        if _busy == 1:
            threadpool_limits(1, user_api="blas")
    try:
        yield
    finally:
        with _busy_lock:
            _busy -= 1
            if not _busy:
                threadpool_limits(thread_limit(), user_api="blas")


def thread_limit() -> int:
    """The most threads that any one library may use, at least 1."""
    return _most or available_cores()


def threads_for(pieces: int) -> int:
    """How many threads to use for so many pieces of work; one piece never wakes another thread."""
    return 1 if pieces <= 1 else min(pieces, thread_limit())


def _compute_alone() -> None:
    """A forked child has none of its parent's threads, and OpenMP would wait for them."""
    global _most, _busy, _busy_lock
    _most, _busy, _busy_lock = 1, 0, Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_compute_alone)


def _visible_cores() -> int:
    """Those that the operating system lets this process run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota(limit: Path) -> int | None:
    """The cores that a control group grants, rounded, or None without a limit."""
    try:
        quota, period = limit.read_text(encoding="ascii").split()
        return round(int(quota) / int(period))
    except (OSError, ValueError):  # no control groups here, or the quota is `max`
        return None

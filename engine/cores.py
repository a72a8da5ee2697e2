"""How many processor cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def available_cores() -> int:
    """At least 1; affinity and, on Linux, a container's processor quota are honoured.

    Libraries that count the machine's cores instead start a thread on each, and collapse in a
    container that may use only some of them.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quota = _quota(_CGROUP_LIMIT)
    return cores if quota is None else max(1, min(cores, quota))


def _quota(limit: Path) -> int | None:
    """The cores that a control group grants, rounded, or None without a limit."""
    try:
        quota, period = limit.read_text(encoding="ascii").split()
        return round(int(quota) / int(period))
    except (OSError, ValueError):  # no control groups here, or the quota is `max`
        return None

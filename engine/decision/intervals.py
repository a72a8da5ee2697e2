"""Intervals for shares."""

from __future__ import annotations

import math

_Z95 = 1.959963984540054


def wilson_interval(share: float, n: int) -> tuple[float, float] | None:
    """The 95 % score interval of a share seen among n (Wilson 1927); None for n = 0."""
    if n <= 0:
        return None
    z2 = _Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)

"""Groups kept queries by likeness, so that a thing that came many times is named once."""

from __future__ import annotations

import numpy as np

from ..types import FloatArray


def clusters(vectors: FloatArray, threshold: float) -> list[list[int]]:
    """Row numbers in groups, the largest first.

    Each row joins the group whose members it is most similar to on average, if that is at least
    `threshold`, and else begins one (leader clustering with average linkage). One pass: `O(n²)`.

    Args:
        vectors: `(n, dim) float32`, unit rows.
    """
    groups: list[list[int]] = []
    sums = np.zeros_like(vectors)  # of the members of each group; `(groups, dim)` of it are in use
    sizes = np.zeros(len(vectors), vectors.dtype)
    for row, vector in enumerate(vectors):
        likeness = sums[: len(groups)] @ vector / sizes[: len(groups)]
        joined = int(np.argmax(likeness)) if groups else 0
        if not groups or likeness[joined] < threshold:
            joined = len(groups)
            groups.append([])
        groups[joined].append(row)
        sums[joined] += vector
        sizes[joined] += 1
    return sorted(groups, key=lambda group: (-len(group), -group[-1]))

"""Groups kept queries by likeness, so that a thing that came many times is named once."""

from __future__ import annotations

import numpy as np

from engine.types import FloatArray


def clusters(vectors: FloatArray, threshold: float) -> list[list[int]]:
    """Row numbers in groups, the largest first.

    Each row joins the group whose members it is most similar to on average, if that is at least
    `threshold`, and else begins one (leader clustering with average linkage). One pass: `O(n²)`.

    Args:
        vectors: `(n, dim) float32`, unit rows.
    """
    groups: list[list[int]] = []
    sums: list[FloatArray] = []
    for row, vector in enumerate(vectors):
        likeness = [
            float(total @ vector) / len(group) for total, group in zip(sums, groups, strict=True)
        ]
        best = int(np.argmax(likeness)) if likeness else -1
        if best >= 0 and likeness[best] >= threshold:
            groups[best].append(row)
            sums[best] = sums[best] + vector
        else:
            groups.append([row])
            sums.append(vector)
    return sorted(groups, key=lambda group: (-len(group), -group[-1]))

"""Points of two pictures that look alike: each the other's best, and much better than the next.

The ratio test (Lowe 2004): a match counts if its distance is less than `RATIO` of the distance to
the second best in the same picture.
"""

from __future__ import annotations

import numpy as np

from ..types import FloatArray, IntArray

RATIO = 0.85


def matches(query: FloatArray, enrolled: FloatArray) -> IntArray:
    """`(k, 2) int64`: rows of matched descriptors, the clearest match first; no row twice.

    Args:
        query: `(m, d) float32`, unit rows.
        enrolled: `(n, d) float32`, unit rows.
    """
    if len(query) < 2 or len(enrolled) < 2:
        return np.empty((0, 2), np.int64)
    likeness = query @ enrolled.T
    rows = np.arange(len(query))
    best = likeness.argmax(axis=1)
    mutual = likeness.argmax(axis=0)[best] == rows
    rows, best = rows[mutual], best[mutual]
    rest = likeness[rows]
    first = rest[np.arange(rows.size), best]
    rest[np.arange(rows.size), best] = -np.inf
    # distances of unit vectors: d² = 2 − 2 · likeness
    ratio = np.maximum(1 - first, 1e-9) / np.maximum(1 - rest.max(axis=1), 1e-9)
    kept = np.flatnonzero(ratio < RATIO**2)
    kept = kept[np.argsort(ratio[kept], kind="stable")]
    return np.stack([rows[kept], best[kept]], axis=1)

"""Outlines: convex quadrilaterals `(4, 2)`, clockwise as seen, and what they share."""

from __future__ import annotations

import numpy as np

from ..types import BoolArray, FloatArray

ON_EACH_OTHER = 0.3
"""Outlines that share so much of their union are of one thing."""

WITHIN = 0.6
"""Likewise if one lies within the other by so much of its area."""


def area(outline: FloatArray) -> float:
    """In square pixels."""
    x, y = outline.astype(np.float64).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def shared(first: FloatArray, second: FloatArray) -> tuple[float, float]:
    """How much two outlines overlap: over their union, and over the smaller one's area."""
    import cv2  # slow to import, and a gallery without local features needs none

    both, _ = cv2.intersectConvexConvex(first.astype(np.float32), second.astype(np.float32))
    one, other = area(first), area(second)
    return both / max(one + other - both, 1e-9), both / max(min(one, other), 1e-9)


def of_one_thing(first: FloatArray, second: FloatArray) -> bool:
    """Whether two outlines lie on each other, so that they are rivals for one thing."""
    of_union, of_smaller = shared(first, second)
    return of_union > ON_EACH_OTHER or of_smaller > WITHIN


def inside(places: FloatArray, outline: FloatArray, margin: float) -> BoolArray:
    """`(n,) bool`: which places `(n, 2)` lie in an outline, or within so many pixels of it."""
    corners = outline.astype(np.float64)
    along = np.roll(corners, -1, axis=0) - corners
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    off = places.astype(np.float64)[:, None] - corners[None]
    aside = along[None, :, 0] * off[..., 1] - along[None, :, 1] * off[..., 0]
    return np.asarray((aside > -margin).all(axis=1), np.bool_)

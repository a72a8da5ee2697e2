"""Which of two enrolled pictures a query shows, where both were found in one place: siblings, which
share a mark or a design. What they share can't tell them apart, so what they don't is looked at.

The points of either that the other has nothing like are sought at their places in the query, which
is warped into the enrolled picture's frame and described there as it was. Points that both have
show how far that can be trusted: on a bottle's curve, or where only a mark fits, these disagree
too, and nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..types import BoolArray, ByteArray, FloatArray, LocalMatch
from .coding import CodedFeatures
from .geometry import mapped
from .sift import described
from .verifying import LocalQuery, find

FRAME = 384
"""The long side, in pixels, of the frame that a query is warped into."""

ALIKE = 0.75
"""A point that the other has one as similar to, near its place, is shared."""

NEAR = 0.03
"""Of the other picture's diagonal."""

TRUSTED = 0.65
"""The mean similarity of shared points to what the query shows at their places, at least."""

LEAST_SHARED = 6
LEAST_SEEN = 5.0
"""Points whose neighbourhoods are smaller in the query, in pixels of its view, aren't seen."""


@dataclass(frozen=True, slots=True, eq=False)
class _Looked:
    """What a query shows at the places of an enrolled picture's points.

    Attributes:
        similarities: `(n,) float32`, cosine of each point's descriptor and the query's there.
        shared: `(n,) bool`, whether the sibling has such a point, too.
        seen: `(n,) bool`.
    """

    similarities: FloatArray
    shared: BoolArray
    seen: BoolArray

    @property
    def trusted(self) -> bool:
        both = self.seen & self.shared
        return both.sum() >= LEAST_SHARED and bool(self.similarities[both].mean() >= TRUSTED)

    @property
    def own(self) -> float | None:
        """How similar what only this picture has is to what is seen, in the mean."""
        alone = self.seen & ~self.shared
        return float(self.similarities[alone].mean()) if alone.any() else None


def leaning(
    query: LocalQuery,
    first: tuple[CodedFeatures, LocalMatch],
    second: tuple[CodedFeatures, LocalMatch],
) -> float:
    """By how much more the query shows what only the first of two enrolled pictures has.

    A difference of mean similarities: above zero it speaks for the first, below for the second;
    zero where nothing can be told.

    Args:
        first, second: enrolled pictures, and where they were found.
    """
    view = query.view()
    if view is None:
        return 0.0
    looked = []
    for (own, match), (other, _) in ((first, second), (second, first)):
        shared = _shared(own, other)
        if shared is None:
            return 0.0
        looked.append(_looked(view, query.features.width, own, match, shared))
    one, two = looked
    if not (one.trusted and two.trusted) or one.own is None or two.own is None:
        return 0.0
    return one.own - two.own


def _shared(own: CodedFeatures, other: CodedFeatures) -> BoolArray | None:
    """`(n,) bool`: the points of one picture that another has; None if it isn't found there."""
    match = find(LocalQuery.of_enrolled(other), own)
    if match is None:
        return None
    places = mapped(_map(own, match.corners), own.keypoints[:, :2].astype(np.float64))
    off = np.linalg.norm(places[:, None] - other.keypoints[None, :, :2], axis=2)
    near = off < NEAR * np.hypot(other.width, other.height)
    alike = own.descriptors() @ other.descriptors().T
    return np.asarray((near & (alike >= ALIKE)).any(axis=1), np.bool_)


def _looked(
    view: ByteArray, width: int, own: CodedFeatures, match: LocalMatch, shared: BoolArray
) -> _Looked:
    """Args:
    view: the query's, `(h, w) uint8`; `width` is that of the query itself.
    """
    import cv2  # slow to import, and a gallery without local features needs none

    scale = FRAME / max(own.width, own.height)
    across, down = (max(8, round(side * scale)) for side in (own.width, own.height))
    shrink = view.shape[1] / width
    to_view = (
        np.diag([shrink, shrink, 1.0]) @ _map(own, match.corners) @ np.diag([1 / scale] * 2 + [1])
    )
    frame = cv2.warpPerspective(
        view, to_view, (across, down), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    points = own.keypoints * np.array([scale, scale, scale, 1.0], np.float32)
    rows, there = described(np.asarray(frame, np.uint8), points)
    similarities = np.zeros(len(own), np.float32)
    similarities[rows] = np.einsum("ij,ij->i", own.descriptors()[rows], there)
    places = points[:, :2].astype(np.float64)
    at, right, below = (mapped(to_view, places + step) for step in ([0, 0], [1, 0], [0, 1]))
    (a, b), (c, d) = (right - at).T, (below - at).T
    sizes = points[:, 2] * np.sqrt(np.abs(a * d - b * c))
    within = ((at > 0) & (at < [view.shape[1], view.shape[0]])).all(axis=1)
    seen = np.zeros(len(own), np.bool_)
    seen[rows] = True
    return _Looked(similarities, shared, seen & within & (sizes > LEAST_SEEN))


def _map(picture: CodedFeatures, corners: FloatArray) -> np.ndarray:
    import cv2  # slow to import, and a gallery without local features needs none

    width, height = picture.width, picture.height
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(frame, corners.astype(np.float32)), np.float64)

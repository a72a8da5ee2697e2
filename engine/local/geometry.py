"""Where a flat thing lies in a picture: the map from its enrolled picture's pixels to the query's.

One matched pair of points says, by their diameters and angles, how all of the enrolled picture
would lie in the query: a similarity. So every pair proposes one, and all pairs judge it (Philbin et
al. 2007); nothing is drawn at random, so the answer is the same every time. The best few are
refined to affine maps and then homographies by least squares over the pairs that agree.

All lengths are in a query's view: its pixels shrunk (or not) to a long side of `VIEW` pixels.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ..types import BoolArray, FloatArray

Float64Array = npt.NDArray[np.float64]

VIEW = 800.0
LEAST_PAIRS = 4

_PROPOSALS = 100
"""The clearest matches propose; all judge."""

_LOOKED_AT = 8
_LOOSE = 0.03
"""A proposal is off by up to this share of the thing's diagonal, since one point's size and angle
are rough."""

_LEAST_LOOSE = 8.0
_TIGHT = 6.0
_LEAST_FOR_HOMOGRAPHY = 8
_DEGREES = 40.0
_OCTAVES = 1.2

_LEAST_SIDE = 12.0
_LEAST_ANGLE = 25.0
_MOST_DEPTH = 4.0


class Pairs:
    """Matched points, a row each: `query` and `enrolled`, `(n, 4) float64`, x, y, size, angle."""

    def __init__(self, query: FloatArray, enrolled: FloatArray) -> None:
        self.query = query.astype(np.float64)
        self.enrolled = enrolled.astype(np.float64)

    def __len__(self) -> int:
        return len(self.query)


def maps(pairs: Pairs, size: tuple[int, int]) -> Iterator[tuple[Float64Array, BoolArray]]:
    """Likely maps from the enrolled picture to the query, each with the pairs that agree loosely.

    Args:
        size: the enrolled picture's width and height.
    """
    if len(pairs) < LEAST_PAIRS:
        return
    query, enrolled = pairs.query, pairs.enrolled
    octaves = np.log2(query[:, 2] / enrolled[:, 2])
    turns = query[:, 3] - enrolled[:, 3]
    some = slice(0, _PROPOSALS)
    factors = np.exp2(octaves[some]) * np.exp(1j * np.deg2rad(turns[some]))
    at, to = enrolled[:, 0] + 1j * enrolled[:, 1], query[:, 0] + 1j * query[:, 1]
    shifts = to[some] - factors * at[some]
    off = np.abs(factors[:, None] * at[None] + shifts[:, None] - to[None])
    loose = np.maximum(_LEAST_LOOSE, _LOOSE * np.abs(factors) * np.hypot(*size))
    alike = (np.abs(octaves[None] - octaves[some, None]) < _OCTAVES) & (
        np.abs((turns[None] - turns[some, None] + 180) % 360 - 180) < _DEGREES
    )
    agree = alike & (off < loose[:, None])
    counts = agree.sum(axis=1)
    explained = np.zeros(len(pairs), np.bool_)
    for proposal in np.argsort(-counts, kind="stable")[:_LOOKED_AT]:
        if counts[proposal] < LEAST_PAIRS:
            return
        if 2 * np.count_nonzero(agree[proposal] & explained) > counts[proposal]:
            continue  # much the same as one before
        explained |= agree[proposal]
        refined = _refined(pairs, agree[proposal], alike[proposal], float(loose[proposal]))
        if refined is not None:
            yield refined


def residuals(model: Float64Array, pairs: Pairs) -> Float64Array:
    """`(n,)`: how far each pair's point of the query is from where the map puts its partner."""
    off = mapped(model, pairs.enrolled[:, :2]) - pairs.query[:, :2]
    return np.hypot(off[:, 0], off[:, 1])


def mapped(model: Float64Array, places: Float64Array) -> Float64Array:
    """Places `(n, 2)` under a map; those at or beyond its horizon are infinitely far."""
    moved = places @ model[:2, :2].T + model[:2, 2]
    depth = places @ model[2, :2] + model[2, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(depth[:, None] > 1e-9, moved / depth[:, None], np.inf)


def corners(model: Float64Array, size: tuple[int, int]) -> Float64Array | None:
    """Where the enrolled picture's corners lie, `(4, 2)`, clockwise from its upper left.

    None where no camera sees a flat picture so: mirrored, folded, collapsed, or so steep that one
    end appears more than four times as large as the other.
    """
    width, height = size
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    depths = frame @ model[2, :2] + model[2, 2]
    if depths.min() <= 1e-6 or depths.max() > _MOST_DEPTH * depths.min():
        return None
    places = mapped(model, frame)
    sides = np.roll(places, -1, axis=0) - places
    following = np.roll(sides, -1, axis=0)
    lengths = np.hypot(sides[:, 0], sides[:, 1])
    if lengths.min() < _LEAST_SIDE:
        return None
    turns = sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0]
    sines = turns / (lengths * np.roll(lengths, -1))
    if sines.min() < np.sin(np.deg2rad(_LEAST_ANGLE)):
        return None
    return places


def _refined(
    pairs: Pairs, agree: BoolArray, alike: BoolArray, loose: float
) -> tuple[Float64Array, BoolArray] | None:
    """The map that fits the pairs that agree, found in rounds of fitting and looking again."""
    model: Float64Array | None = None
    for tolerance, flat in ((loose, True), (max(_TIGHT, loose / 2), True), (_TIGHT, False)):
        found = _affine(pairs, agree) if flat else _homography(pairs, agree)
        if found is None:
            return None
        model = found
        agree = alike & (residuals(model, pairs) < tolerance)
        if agree.sum() < LEAST_PAIRS:
            return None
    last = _homography(pairs, agree)
    return None if last is None else (last, alike)


def _affine(pairs: Pairs, agree: BoolArray) -> Float64Array | None:
    places = pairs.enrolled[agree, :2]
    centre = places.mean(axis=0)
    known = np.column_stack([places - centre, np.ones(len(places))])
    solved, _, rank, _ = np.linalg.lstsq(known, pairs.query[agree, :2], rcond=1e-6)
    if rank < 3:
        return None
    model = np.eye(3)
    model[:2, :2] = solved[:2].T
    model[:2, 2] = solved[2] - model[:2, :2] @ centre
    return model


def _homography(pairs: Pairs, agree: BoolArray) -> Float64Array | None:
    """Least squares; an affine map where there are few pairs for more."""
    if agree.sum() < _LEAST_FOR_HOMOGRAPHY:
        return _affine(pairs, agree)
    import cv2  # slow to import, and a gallery without local features needs none

    model, _ = cv2.findHomography(pairs.enrolled[agree, :2], pairs.query[agree, :2], 0)
    return None if model is None else np.asarray(model, np.float64)

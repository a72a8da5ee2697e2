"""A picture cut from its ground, at several sizes, ready to be put into photographs."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..types import ByteArray, FloatArray

_PLAIN_SHARE = 0.92  # of the border's pixels that must be of one colour for the ground to be plain
_TOLERANCE = 22  # by which a channel may differ from the ground's colour
_LEAST_THING, _MOST_THING = 0.02, 0.97  # share of the picture; beyond these nothing was cut
_WORKING_SIDE, _SEEDS = 160, 16  # of the copy in which a smooth ground is sought; seeds a side
_SMOOTH_STEP = 3  # by which a smooth ground's channels differ from a pixel to the next, at most
_SMOOTH_BORDER, _ALONE = 0.97, 0.9  # shares: of the border that is ground, of all that is thing
_SMOOTH_LEAST, _SMOOTH_MOST = 0.04, 0.75  # share of the picture that the thing takes
RECTANGLE = 0.93  # what fills so much of its box is a sheet or a box itself
_OPAQUE = 250
_SMALLEST = 24  # pixels of the shortest side of the coarsest level


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """A picture, whole and cut from its ground.

    Attributes:
        whole: the picture with its ground, `(h, w, 4) uint8`, then halved again and again.
        thing: the same without its ground: RGB times alpha, and alpha. The same arrays as `whole`
            where the picture has no ground to be cut from.
        box: `(4,) float32`, left, top, right and bottom of the thing, as shares of the picture.
        fills: the share of its box that the thing fills; about 1 for what is rectangular.
    """

    whole: tuple[ByteArray, ...]
    thing: tuple[ByteArray, ...]
    box: FloatArray
    fills: float = 1.0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the largest level, in pixels."""
        return self.whole[0].shape[1], self.whole[0].shape[0]

    @property
    def has_ground(self) -> bool:
        return self.thing is not self.whole

    @property
    def is_rectangular(self) -> bool:
        """Whether the thing is a sheet or a box, as far as its outline tells."""
        return self.fills >= RECTANGLE

    @property
    def half_extents(self) -> tuple[float, float]:
        """Half of its width and height, where the longer one is 1."""
        width, height = self.size
        return width / max(width, height), height / max(width, height)


def cut_out(pixels: ByteArray, longest: int = 384) -> Cutout:
    """Cut a picture from its ground: by its alpha, or by the plain or smooth colour around it.

    Args:
        pixels: `(h, w, 3)` or `(h, w, 4) uint8`, RGB, and alpha where it has one.
        longest: a longer side is shrunk to so many pixels; photographs show no more.

    Raises:
        ValueError: the array has another shape or type.
    """
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or pixels.dtype != np.uint8:
        raise ValueError(
            f"expected pixels (height, width, 3 or 4) uint8, but got {pixels.shape} {pixels.dtype}"
        )
    pixels = _shrunk(pixels, longest)
    if pixels.shape[2] == 4:
        colour, alpha = np.ascontiguousarray(pixels[..., :3]), pixels[..., 3].copy()
        white = np.full_like(colour, 255)
        whole = _over(colour, alpha, white)
        mask = alpha if (alpha < _OPAQUE).mean() > 1 - _MOST_THING else None
    else:
        whole = colour = np.ascontiguousarray(pixels)
        mask = _plain_ground_removed(colour)
        if mask is None:
            mask = _smooth_ground_removed(colour)
    full = _levels(np.dstack([whole, np.full(whole.shape[:2], 255, np.uint8)]))
    if mask is None or not _LEAST_THING < (mask > 127).mean() < _MOST_THING:
        return Cutout(full, full, np.array([0, 0, 1, 1], np.float32))
    black = np.zeros_like(colour)
    box = _box(mask)
    thing = _levels(np.dstack([_over(colour, mask, black), mask]))
    return Cutout(full, thing, box, _fills(mask, box))


def _shrunk(pixels: ByteArray, longest: int) -> ByteArray:
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _over(colour: ByteArray, alpha: ByteArray, ground: ByteArray) -> ByteArray:
    share = alpha[..., np.newaxis].astype(np.float32) / 255
    return np.rint(colour * share + ground * (1 - share)).astype(np.uint8)


def _plain_ground_removed(colour: ByteArray) -> ByteArray | None:
    """`(h, w) uint8` alpha of what isn't the plain ground; None without one.

    All four sides of the picture are of one colour; or two are, and what is cut is a rectangle, as
    of a scan that touches the other two.
    """
    sides = (colour[:2], colour[-2:], colour[:, :2], colour[:, -2:])
    flat = [side.reshape(-1, 3).astype(np.int16) for side in sides]
    medians = [np.median(side, axis=0) for side in flat]
    ground = min(medians, key=lambda one: sum(float(np.abs(one - two).max()) for two in medians))
    plain = [
        bool((np.abs(side - ground).max(axis=1) <= _TOLERANCE).mean() >= _PLAIN_SHARE)
        for side in flat
    ]
    if sum(plain) < 2:
        return None
    distance = np.abs(colour.astype(np.int16) - ground.astype(np.int16)).max(axis=2)
    _, parts = cv2.connectedComponents(
        (distance <= _TOLERANCE).astype(np.uint8), connectivity=4, ltype=cv2.CV_16U
    )
    edges = (parts[0], parts[-1], parts[:, 0], parts[:, -1])
    outside = np.zeros(int(parts.max()) + 1, bool)
    outside[
        np.concatenate([edge for edge, is_plain in zip(edges, plain, strict=True) if is_plain])
    ] = True
    outside[0] = False  # what is not like the ground
    mask = np.where(outside[parts], np.uint8(0), np.uint8(255))
    if not mask.any() or (not all(plain) and _fills(mask, _box(mask)) < RECTANGLE):
        return None
    return np.minimum(np.asarray(cv2.GaussianBlur(mask, (3, 3), 0), np.uint8), mask)


def _smooth_ground_removed(colour: ByteArray) -> ByteArray | None:
    """`(h, w) uint8` alpha of a thing before a studio's backdrop; None without one.

    The backdrop's colour may change, but nowhere by more than a little from a pixel to the next;
    it takes all of the border, and one thing without a connection to the border is left.
    """
    small = cv2.GaussianBlur(_shrunk(colour, _WORKING_SIDE), (0, 0), _WORKING_SIDE / 160)
    height, width = small.shape[:2]
    marked = np.zeros((height + 2, width + 2), np.uint8)
    steps = (np.arange(_SEEDS) + 0.5) / _SEEDS
    across, down = (steps * width).astype(int), (steps * height).astype(int)
    seeds = [(x, y) for x in across for y in (0, height - 1)]
    seeds += [(x, y) for y in down for x in (0, width - 1)]
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    for x, y in seeds:
        if not marked[y + 1, x + 1]:
            step = (_SMOOTH_STEP,) * 3
            cv2.floodFill(small, marked, (int(x), int(y)), 0, step, step, flags)
    left = 1 - marked[1:-1, 1:-1]
    border = np.concatenate([left[0], left[-1], left[:, 0], left[:, -1]])
    if border.mean() > 1 - _SMOOTH_BORDER:
        return None
    opened = cv2.morphologyEx(left, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    count, parts, figures, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return None
    areas = figures[1:, cv2.CC_STAT_AREA]
    thing = 1 + int(areas.argmax())
    x, y, wide, high = figures[thing, : cv2.CC_STAT_AREA]
    inside = x > 0 and y > 0 and x + wide < width and y + high < height
    share = float(areas.max()) / (width * height)
    alone = float(areas.max() / areas.sum()) > _ALONE
    if not (inside and alone and _SMOOTH_LEAST < share < _SMOOTH_MOST):
        return None
    mask = np.where(parts == thing, np.uint8(255), np.uint8(0))
    mask = np.asarray(cv2.erode(mask, np.ones((3, 3), np.uint8)), np.uint8)  # the ground's rim
    size = (colour.shape[1], colour.shape[0])
    large = cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return np.asarray(np.clip((large - 127.5) * 3 + 127.5, 0, 255), np.uint8)


def _box(mask: ByteArray) -> FloatArray:
    rows, columns = np.flatnonzero((mask > 127).any(axis=1)), np.flatnonzero((mask > 127).any(0))
    height, width = mask.shape
    edges = [columns[0] / width, rows[0] / height, (columns[-1] + 1) / width]
    return np.array([*edges, (rows[-1] + 1) / height], np.float32)


def _fills(mask: ByteArray, box: FloatArray) -> float:
    return float((mask > 127).mean() / ((box[2] - box[0]) * (box[3] - box[1])))


def _levels(picture: ByteArray) -> tuple[ByteArray, ...]:
    levels = [picture]
    while min(levels[-1].shape[:2]) >= 2 * _SMALLEST:
        height, width = levels[-1].shape[:2]
        half: npt.NDArray[np.uint8] = np.asarray(
            cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        )
        levels.append(half)
    return tuple(levels)

"""SIFT points (Lowe 2004) with RootSIFT descriptors (Arandjelovic and Zisserman 2012), by OpenCV.

RootSIFT is the square root of each component of the SIFT descriptor over their sum: the inner
product of two is the Hellinger kernel of the histograms behind them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from ..types import ByteArray, FloatArray, IntArray
from .base import (
    DESCRIPTOR_BYTES,
    DESCRIPTOR_SCALE,
    LocalExtractor,
    LocalFeatures,
    as_unit_rows,
)
from .spreading import spread

CONTRAST = 0.02
"""Fainter points are passed over; half of OpenCV's default, for the dim and the blurred."""

CHOICE = 1.5
"""For each point that is kept, so many of the strongest are described and chosen from."""


_FIRST_SIZE = 3.2
"""Of a point, in pixels, in the layer before the first of the octave that isn't enlarged."""


class RootSift(LocalExtractor):
    """OpenCV's SIFT, its strongest points spread over the picture."""

    name = f"rootsift/contrast={CONTRAST}/opencv"

    def extract(
        self, picture: Image.Image, *, long_side: int, points: int, size: tuple[int, int]
    ) -> LocalFeatures:
        view = shrunk(np.asarray(picture.convert("L")), long_side)
        keypoints, strengths, described = _detected(view, round(CHOICE * points))
        height, width = view.shape
        places = np.divide(keypoints[:, :2], np.array([width, height]), dtype=np.float32)
        kept = spread(places, strengths, points)
        return LocalFeatures(
            *size,
            _in_pixels(keypoints[kept], size[0] / width, size[1] / height),
            root_descriptors(described[kept]),
        )


def _detected(view: ByteArray, most: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The strongest points: `(n, 4)`, their strengths `(n,)` and SIFT descriptors `(n, 128)`."""
    import cv2  # slow to import, and a gallery without local features needs none

    sift = cv2.SIFT.create(nfeatures=most, contrastThreshold=CONTRAST)
    nowhere: Any = None  # OpenCV's types don't tell that there may be no mask
    found, described = sift.detectAndCompute(view, nowhere)
    if not found:
        return (
            np.empty((0, 4), np.float32),
            np.empty(0, np.float32),
            np.empty((0, DESCRIPTOR_BYTES), np.float32),
        )
    keypoints = np.array([(*p.pt, p.size, p.angle) for p in found], np.float32)
    strengths = np.array([p.response for p in found], np.float32)
    return keypoints, strengths, np.asarray(described, np.float32)


def described(grey: ByteArray, keypoints: FloatArray) -> tuple[IntArray, FloatArray]:
    """What a picture shows at given points, found in it or not.

    Args:
        grey: `(h, w) uint8`.
        keypoints: `(n, 4) float32`, as `LocalFeatures` has them, in its pixels.

    Returns:
        The rows of those that can be described, `(k,) int64`, and their RootSIFT descriptors,
        `(k, 128) float32`, unit rows.
    """
    import cv2  # slow to import, and a gallery without local features needs none

    sizes = np.maximum(keypoints[:, 2], 1e-3)
    steps = np.maximum(np.rint(3 * np.log2(sizes / _FIRST_SIZE)), -2).astype(np.int64)
    layers = (steps - 1) % 3 + 1
    octaves = np.clip((steps - layers) // 3, -1, 6)
    packed = (octaves & 255) | layers << 8
    asked = [
        cv2.KeyPoint(x, y, size, angle, 1.0, octave, row)
        for row, ((x, y, size, angle), octave) in enumerate(
            zip(keypoints.tolist(), packed.tolist(), strict=True)
        )
    ]
    given, rows = cv2.SIFT.create().compute(grey, asked)
    if not given:
        return np.empty(0, np.int64), np.empty((0, DESCRIPTOR_BYTES), np.float32)
    unit = as_unit_rows(root_descriptors(np.asarray(rows, np.float32)))
    return np.array([point.class_id for point in given], np.int64), unit


def shrunk(grey: ByteArray, long_side: int) -> ByteArray:
    """`(h, w) uint8` with a long side of at most `long_side`, each pixel the mean of its area."""
    scale = long_side / max(grey.shape)
    if scale >= 1:
        return grey
    width, height = (max(1, round(side * scale)) for side in (grey.shape[1], grey.shape[0]))
    import cv2  # slow to import, and a gallery without local features needs none

    view = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(view, np.uint8)


def root_descriptors(sift: FloatArray) -> ByteArray:
    """RootSIFT `(n, 128) uint8` of SIFT descriptors `(n, 128) float32`, none negative."""
    sums = np.maximum(sift.sum(axis=1, keepdims=True), 1e-6)
    rooted = np.rint(np.sqrt(sift / sums) * DESCRIPTOR_SCALE)
    bounded: ByteArray = np.minimum(rooted, 255).astype(np.uint8)
    return bounded


def _in_pixels(keypoints: FloatArray, across: float, down: float) -> FloatArray:
    """Keypoints of a view in the pixels of its picture, `across` and `down` times as large."""
    factors = np.array([across, down, (across * down) ** 0.5, 1.0], np.float32)
    scaled: FloatArray = keypoints * factors
    return scaled

"""SIFT points (Lowe 2004) with RootSIFT descriptors (Arandjelovic and Zisserman 2012), by OpenCV.

RootSIFT is the square root of each component of the SIFT descriptor over their sum: the inner
product of two is the Hellinger kernel of the histograms behind them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from ..types import ByteArray, FloatArray
from .base import DESCRIPTOR_BYTES, DESCRIPTOR_SCALE, LocalExtractor, LocalFeatures
from .spreading import spread

CONTRAST = 0.02
"""Fainter points are passed over; half of OpenCV's default, for the dim and the blurred."""

CHOICE = 1.5
"""For each point that is kept, so many of the strongest are described and chosen from."""


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

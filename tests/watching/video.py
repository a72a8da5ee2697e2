"""Small videos of the test's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from tests.conftest import quarters

RATE = 10
"""Frames a second."""


def film(path: Path, seeds: Sequence[int], *, seconds: int = 1, around: int = 0) -> Path:
    """A video that shows picture after picture, each for so long.

    Args:
        around: black pixels around each.
    """
    side = 64 + 2 * around
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (side, side))
    assert writer.isOpened()
    for seed in seeds:
        for _ in range(RATE * seconds):
            frame = np.asarray(quarters(seed, 64))[:, :, ::-1]
            writer.write(np.pad(frame, [(around, around)] * 2 + [(0, 0)]))
    writer.release()
    return path

"""Small videos of the test's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from tests.conftest import quarters

RATE = 10
"""Frames a second."""


def film(path: Path, seeds: Sequence[int], *, seconds: int = 1) -> Path:
    """A video that shows picture after picture, each for so long."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (64, 64))
    assert writer.isOpened()
    for seed in seeds:
        for _ in range(RATE * seconds):
            writer.write(np.asarray(quarters(seed, 64))[:, :, ::-1])
    writer.release()
    return path

"""Pictures that the fake backbone tells apart, as arrays."""

from __future__ import annotations

import numpy as np

from engine.types import ByteArray
from tests.conftest import quarters


def picture(seed: int) -> ByteArray:
    """Picture number `seed`, `(32, 32, 3) uint8`."""
    return np.asarray(quarters(seed))

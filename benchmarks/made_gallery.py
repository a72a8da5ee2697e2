"""Galleries of made vectors, without pictures."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from engine.gallery import Gallery
from engine.types import FloatArray, NewExample, Space

BATCH = 4096


def made_space(dimension: int) -> Space:
    """The space of a network that isn't there."""
    return Space("made", "w" * 64, "p" * 64, dimension)


def fill(path: Path, vectors: FloatArray, *, examples_a_class: int = 1) -> float:
    """Make a gallery of `vectors (n, dim) float32`, unit rows; the seconds it took."""
    started = time.perf_counter()
    with Gallery.create(path, space=made_space(vectors.shape[1])) as gallery:
        for start in range(0, len(vectors), BATCH):
            gallery.enroll(
                [
                    NewExample(
                        label=f"class {number // examples_a_class}",
                        source=f"/made/{number}",
                        content_hash=hashlib.sha256(str(number).encode()).hexdigest(),
                        width=1,
                        height=1,
                        vector=vectors[number],
                    )
                    for number in range(start, min(len(vectors), start + BATCH))
                ]
            )
    return time.perf_counter() - started

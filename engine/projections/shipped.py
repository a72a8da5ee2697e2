"""What is shipped for a bundled backbone: its projection, and embeddings that stand for impostors.

Files lie beside this module, one per backbone, named by the space they hold for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..types import FloatArray, Space
from .linear import Projection

FOLDER = Path(__file__).with_name("data")


def shipped_projection(space: Space) -> Projection | None:
    """The projection that a fresh gallery of that space starts with; None means identity."""
    path = FOLDER / f"{space.id}-projection.npz"
    return Projection.from_bytes(path.read_bytes()) if path.is_file() else None


def shipped_cohort(space: Space) -> FloatArray:
    """`(n, dim) float32`, unit rows: embeddings of varied pictures; none for other backbones."""
    path = FOLDER / f"{space.id}-cohort.npz"
    if not path.is_file():
        return np.empty((0, space.dimension), np.float32)
    with np.load(path, allow_pickle=False) as arrays:
        vectors = arrays["vectors"].astype(np.float32)
    unit: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit

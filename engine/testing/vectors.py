"""Vectors for tests of search: in all directions, and the way embeddings lie."""

import numpy as np

from engine.types import FloatArray

DIMENSION = 8


def unit_rows(count: int, dimension: int = DIMENSION, *, seed: int = 0) -> FloatArray:
    """Random directions, `(count, dimension) float32`, unit rows."""
    rows = np.random.default_rng(seed).standard_normal((count, dimension))
    unit: FloatArray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def clustered_rows(count: int, dimension: int, *, seed: int = 0) -> FloatArray:
    """Unit rows in clusters whose sizes follow a power law, `(count, dimension) float32`.

    Both the clusters' centres and the rows around them vary much in a few directions and little in
    most, as a network's features do, and all of them share a mean.
    """
    random = np.random.default_rng(seed)
    spectrum = np.arange(1, dimension + 1) ** -0.5
    directions = np.linalg.qr(random.standard_normal((dimension, dimension)))[0]
    clusters = max(2, count // 40)
    shares = np.arange(1, clusters + 1) ** -0.8
    of_row = random.choice(clusters, count, p=shares / shares.sum())
    centres = random.standard_normal((clusters, dimension)) * spectrum
    spread = random.standard_normal((count, dimension)) * spectrum * 0.6
    rows = (centres[of_row] + spread) @ directions + 0.5 * directions[0]
    unit: FloatArray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def seen_again(rows: FloatArray, *, noise: float = 0.6, seed: int = 1) -> FloatArray:
    """Other pictures of what `rows (n, dim)` show: each at a cosine of about 0.85 from its own."""
    random = np.random.default_rng(seed)
    shift = random.standard_normal(rows.shape)
    moved = rows + noise * shift / np.linalg.norm(shift, axis=1, keepdims=True)
    unit: FloatArray = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
    return unit

"""Vectors for tests of search: in all directions, and the way embeddings lie."""

import numpy as np

from ..types import FloatArray

DIMENSION = 8
MOST_CLUSTERS = 10_000
ROWS_AT_ONCE = 16_384


def unit_rows(count: int, dimension: int = DIMENSION, *, seed: int = 0) -> FloatArray:
    """Random directions, `(count, dimension) float32`, unit rows."""
    rows = np.random.default_rng(seed).standard_normal((count, dimension))
    unit: FloatArray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def clustered_rows(count: int, dimension: int, *, seed: int = 0) -> FloatArray:
    """Unit rows in clusters whose sizes follow a power law, `(count, dimension) float32`.

    Of clusters' centres and of the rows around them alike, the i-th direction's variance is as 1/i
    (EfficientNet-Lite0's embeddings of pictures: as 1/i^1.1), and all rows share a mean.
    """
    random = np.random.default_rng(seed)
    spectrum = (np.arange(1, dimension + 1) ** -0.5).astype(np.float32)
    directions = np.linalg.qr(random.standard_normal((dimension, dimension)))[0].astype(np.float32)
    clusters = max(2, min(count // 40, MOST_CLUSTERS))
    shares = np.arange(1, clusters + 1) ** -0.8
    centres = random.standard_normal((clusters, dimension), np.float32) * spectrum
    of_row = random.choice(clusters, count, p=shares / shares.sum())
    rows = np.empty((count, dimension), np.float32)
    for start in range(0, count, ROWS_AT_ONCE):
        some = of_row[start : start + ROWS_AT_ONCE]
        spread = random.standard_normal((len(some), dimension), np.float32) * spectrum * 0.6
        made = (centres[some] + spread) @ directions + 0.5 * directions[0]
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        rows[start : start + len(some)] = made
    return rows


def seen_again(rows: FloatArray, *, noise: float = 0.6, seed: int = 1) -> FloatArray:
    """Other pictures of what `rows (n, dim)` show: each at a cosine of about 0.85 from its own."""
    random = np.random.default_rng(seed)
    shift = random.standard_normal(rows.shape)
    moved = rows + noise * shift / np.linalg.norm(shift, axis=1, keepdims=True)
    unit: FloatArray = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
    return unit

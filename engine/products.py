"""Inner products of rows, without waking other threads for a single query.

BLAS spreads even the product of one vector and a matrix over its threads. On an idle machine that
saves some hundred microseconds; on a busy one it costs many milliseconds, since the product waits
for threads that wait for a core.
"""

from __future__ import annotations

import numpy as np

from .types import FloatArray


def products(rows: FloatArray, others: FloatArray) -> FloatArray:
    """Inner products of `rows (m, dim)` with `others (n, dim)`, C-contiguous: `(m, n) float32`.

    One row is multiplied on the calling thread, several on as many as BLAS may use; the two differ
    in the last bits.
    """
    if len(rows) == 1:
        alone: FloatArray = np.vecdot(others, rows[0])[None]
        return alone
    together: FloatArray = rows @ others.T
    return together

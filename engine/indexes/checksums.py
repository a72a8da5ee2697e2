"""Checksums of vectors, made for checking gigabytes in the second that opening may take."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from ..cores import threads_for
from ..types import FloatArray

Checksums = npt.NDArray[np.uint32]
ROWS_AT_ONCE = 512
ROWS_A_TASK = 8192
ODD = np.uint32(0x9E3779B1)


def row_checksums(vectors: FloatArray) -> Checksums:
    """Checksum each of `vectors (n, dim) float32`: `(n,) uint32`.

    The row's 32-bit words are multiplied by fixed odd numbers and summed modulo 2^32 (multilinear
    hashing). A change of one word always shows, since an odd factor has an inverse; any other
    change, another row's content in its place included, goes unseen once in about 2^31. CRC-32 is
    no surer, and a third as fast.
    """
    words = np.ascontiguousarray(vectors).view(np.uint32)
    factors = np.arange(1, 2 * words.shape[1], 2, dtype=np.uint32) * ODD  # odd, and all different
    sums = np.empty(len(words), np.uint32)

    def sum_up(task: int) -> None:
        for start in range(task, min(task + ROWS_A_TASK, len(words)), ROWS_AT_ONCE):
            some = words[start : start + ROWS_AT_ONCE]
            np.einsum("ij,j->i", some, factors, out=sums[start : start + len(some)])

    tasks = range(0, len(words), ROWS_A_TASK)
    with ThreadPoolExecutor(threads_for(len(tasks))) as pool:
        list(pool.map(sum_up, tasks))
    return sums

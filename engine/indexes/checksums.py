"""A checksum for every row, so that a mapped file is checked only where it is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.indexes.faults import Fault, SnapshotError
from engine.types import FloatArray, IntArray

Checksums = npt.NDArray[np.uint32]
ROWS_AT_ONCE = 512
ODD = np.uint32(0x9E3779B1)


def row_checksums(vectors: FloatArray) -> Checksums:
    """Checksum each of `vectors (n, dim) float32`: `(n,) uint32`.

    The row's 32-bit words are multiplied by fixed odd numbers and summed modulo 2^32 (multilinear
    hashing). A change of one word always shows, since an odd factor has an inverse; any other
    change, another row's content in its place included, goes unseen once in about 2^31.
    """
    words = np.ascontiguousarray(vectors).view(np.uint32)
    factors = np.arange(1, 2 * words.shape[1], 2, dtype=np.uint32) * ODD  # odd, and all different
    sums = np.empty(len(words), np.uint32)
    for start in range(0, len(words), ROWS_AT_ONCE):
        some = words[start : start + ROWS_AT_ONCE]
        np.einsum("ij,j->i", some, factors, out=sums[start : start + len(some)])
    return sums


@dataclass(frozen=True, slots=True)
class RowChecks:
    """Checks rows of a mapped file when they are first read.

    Attributes:
        path: the file.
        expected: `(n,) uint32`, what `row_checksums` gave when it was written.
        passed: `(n,) bool`, which rows were checked; only ever set, so threads may share it.
    """

    path: Path
    expected: Checksums
    passed: npt.NDArray[np.bool_]

    def check(self, mapped: FloatArray, rows: IntArray) -> None:
        """Check those of `rows` that weren't yet.

        Raises:
            SnapshotError: one of them has changed since it was written.
        """
        fresh = rows[~self.passed[rows]]
        for start in range(0, len(fresh), ROWS_AT_ONCE):
            some = fresh[start : start + ROWS_AT_ONCE]
            if not np.array_equal(row_checksums(mapped[some]), self.expected[some]):
                raise SnapshotError(self.path, Fault.DAMAGED, "its vectors were overwritten")
            self.passed[some] = True

"""Vectors as the database holds them: little-endian float32, unit length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import GalleryDamagedError, GalleryError, SpaceMismatchError
from ..types import UNIT_TOLERANCE, FloatArray, IntArray, Space

DTYPE = np.dtype("<f4")


def encode_vectors(vectors: FloatArray) -> list[bytes]:
    """`(n, dim) float32` as n blobs."""
    return [row.tobytes() for row in np.ascontiguousarray(vectors, dtype=DTYPE)]


def decode_vectors(blobs: Sequence[bytes], ids: IntArray, dimension: int) -> FloatArray:
    """n blobs as `(n, dim) float32`; `ids` are their examples', for the error.

    Raises:
        GalleryDamagedError: a blob doesn't hold `dimension` numbers.
    """
    size = dimension * DTYPE.itemsize
    if set(map(len, blobs)) - {size}:
        example_id, blob = next(p for p in zip(ids, blobs, strict=True) if len(p[1]) != size)
        raise GalleryDamagedError(
            f"the vector of example {example_id} must have {size} bytes ({dimension} numbers), "
            f"but has {len(blob)}; remove the example and enrol its picture again"
        )
    flat = np.frombuffer(bytearray().join(blobs), dtype=DTYPE)  # writable, without a copy
    return flat.reshape(len(blobs), dimension).astype(np.float32, copy=False)


def check_vectors(
    vectors: Sequence[FloatArray] | FloatArray, space: Space, names: Sequence[str]
) -> FloatArray:
    """Return n vectors of a space as `(n, dim) float32`; `names` are for the errors.

    Raises:
        SpaceMismatchError: one has another dimension.
        GalleryError: one is not finite or not of unit length.
    """
    for name, vector in zip(names, vectors, strict=True):
        if vector.shape != (space.dimension,):
            raise SpaceMismatchError(
                f"{name}: expected a vector of {space.dimension} numbers, as {space.backbone} "
                f"gives, but got the shape {vector.shape}; use the gallery's own backbone"
            )
    array = np.asarray(vectors, dtype=np.float32).reshape(-1, space.dimension)
    wrong = np.flatnonzero(~has_unit_rows(array))
    if len(wrong):
        length = np.linalg.norm(array[wrong[0]])
        raise GalleryError(
            f"{names[wrong[0]]}: expected a vector of unit length, but its length is {length}; "
            "normalise it, and check the picture and the backbone"
        )
    return array


def has_unit_rows(vectors: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which rows of `(n, dim)` are finite and of unit length, `(n,)`."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(vectors, axis=1)
        unit: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.abs(lengths - 1) <= UNIT_TOLERANCE
    return unit

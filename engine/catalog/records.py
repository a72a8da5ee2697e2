"""The frozen values that the catalog hands out, and how rows and bytes become them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.errors import GalleryDamagedError
from engine.types import ClassRecord, ExampleRecord, FloatArray, IntArray, KeepPictures, Space

VECTOR_DTYPE = np.dtype("<f4")

UNIT_TOLERANCE = 1e-3
"""How far a stored vector's length may be from 1."""


@dataclass(frozen=True, slots=True)
class GalleryState:
    """The gallery's settings, as of one generation.

    Attributes:
        uuid: tells this gallery from any other; an index snapshot of another is not its own.
        generation: grows with every transaction that changes what recognition rests on.
        space: of the stored embeddings.
        projection_id: of the projection in use, or None: embeddings are searched as they are.
        target_fpir: the share of strangers that may get a label, in (0, 1).
    """

    uuid: str
    created_at: datetime
    generation: int
    space: Space
    projection_id: str | None
    keep_pictures: KeepPictures
    target_fpir: float

    @property
    def searched_space(self) -> str:
        """Id of the space that similarities are measured in: the projection's, or the space's."""
        return self.projection_id or self.space.id


@dataclass(frozen=True, slots=True)
class StoredProjection:
    """A projection as the catalog holds it: `payload` is for `engine.projections` to read."""

    id: str
    space_id: str
    kind: str
    payload: bytes


class Counts(NamedTuple):
    """How much a gallery holds."""

    classes: int
    examples: int
    pictures: int
    picture_bytes: int


class VectorBatch(NamedTuple):
    """Examples in id order: `ids (n,)`, `class_ids (n,)`, `vectors (n, dim) float32`, unit rows."""

    ids: IntArray
    class_ids: IntArray
    vectors: FloatArray


class StatisticsTable(NamedTuple):
    """Every class's statistics in one searched space, in class id order, `(n,)` each."""

    class_ids: IntArray
    means: npt.NDArray[np.float64]
    stds: npt.NDArray[np.float64]
    cohort_sizes: IntArray


def class_record(row: Sequence[Any]) -> ClassRecord:
    """From a row in the order of the record's fields."""
    return ClassRecord(*row)


def example_record(row: Sequence[Any]) -> ExampleRecord:
    """From a row in the order of the record's fields."""
    return ExampleRecord(*row[:-1], warnings=tuple(row[-1]))


def encode_vectors(vectors: FloatArray) -> list[bytes]:
    """`(n, dim) float32` as n little-endian blobs."""
    return [row.tobytes() for row in np.ascontiguousarray(vectors, dtype=VECTOR_DTYPE)]


def decode_vectors(blobs: Sequence[bytes], ids: IntArray, dimension: int) -> FloatArray:
    """n blobs as `(n, dim) float32`; `ids` are the examples', for the error.

    Raises:
        GalleryDamagedError: a blob has not `dimension` numbers.
    """
    size = dimension * VECTOR_DTYPE.itemsize
    for example_id, blob in zip(ids, blobs, strict=True):
        if len(blob) != size:
            raise GalleryDamagedError(
                f"the vector of example {example_id} must have {size} bytes ({dimension} numbers), "
                f"but has {len(blob)}; remove the example and enrol its picture again"
            )
    flat = np.frombuffer(b"".join(blobs), dtype=VECTOR_DTYPE)
    return flat.reshape(len(blobs), dimension).astype(np.float32)


def int_array(values: Iterable[int]) -> IntArray:
    """`(n,) int64`."""
    return np.fromiter(values, dtype=np.int64)

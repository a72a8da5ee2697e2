"""The frozen values that the catalog hands out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.types import FloatArray, IntArray, KeepPictures, Space


@dataclass(frozen=True, slots=True)
class GalleryState:
    """The gallery's settings, as of one generation.

    Attributes:
        uuid: tells this gallery from any other.
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


@dataclass(frozen=True, slots=True)
class StoredProjection:
    """A projection as the catalog holds it: `payload` is for `engine.projections` to read."""

    id: str
    kind: str
    payload: bytes


class Counts(NamedTuple):
    """How much a gallery holds; `picture_bytes` are those of the `pictures` that were kept."""

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
    """Every class's statistics in one searched space, in no order, `(n,)` each."""

    class_ids: IntArray
    means: npt.NDArray[np.float64]
    stds: npt.NDArray[np.float64]

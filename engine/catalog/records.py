"""The frozen values that the catalog hands out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..types import FloatArray, IntArray, KeepPictures, Space


class Commit(NamedTuple):
    """What a catalog held at one moment, told from every other one.

    Attributes:
        generation: how many commits led there; that of another history may be equal.
        id: a random one. That of another history, such as a copy that went its own way or a backup
            that was restored, is another.
    """

    generation: int
    id: str


@dataclass(frozen=True, slots=True)
class GalleryState:
    """The gallery's settings, as of one generation.

    Attributes:
        uuid: tells this gallery from any other.
        generation: grows with every transaction that changes what recognition rests on.
        commit_id: of the transaction that made that generation.
        space: of the stored embeddings.
        projection_id: of the projection in use, or None: embeddings are searched as they are.
        target_fpir: the share of strangers that may get a label, in (0, 1).
        local_points: how many points of local features are kept of each picture; 0 keeps none.
    """

    uuid: str
    created_at: datetime
    generation: int
    commit_id: str
    space: Space
    projection_id: str | None
    keep_pictures: KeepPictures
    target_fpir: float
    local_points: int

    @property
    def commit(self) -> Commit:
        """The transaction that this state is of."""
        return Commit(self.generation, self.commit_id)


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


class TextBatch(NamedTuple):
    """Examples that are texts, in id order.

    Attributes:
        ids, class_ids: `(n,) int64`.
        vectors: `(n, dim) float32`, unit rows.
        texts: theirs.
        words: `(m, dim) float32`, unit rows: the everyday words that they are measured against.
    """

    ids: IntArray
    class_ids: IntArray
    vectors: FloatArray
    texts: tuple[str, ...]
    words: FloatArray


class StatisticsTable(NamedTuple):
    """Every class's statistics in one searched space, in no order, `(n,)` each."""

    class_ids: IntArray
    means: npt.NDArray[np.float64]
    stds: npt.NDArray[np.float64]

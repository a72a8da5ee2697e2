"""A linear projection: `y = (x - mean) @ matrix`, brought back to unit length.

Identity, centring, whitening and a learned linear map are all of this form, so one class serves
them; how the mean and the matrix are found is the business of whoever fits them.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field

import numpy as np

from ..products import products
from ..types import FloatArray

_SAME = np.empty(0, np.float32)  # stands for "the queries' mean is the pictures'"


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """A frozen map of unit embeddings `(n, dim)` to unit vectors `(n, out_dim)`.

    Attributes:
        kind: how it was found, one word: `identity`, `shipped`, `adapted`, ...
        mean: `(dim,) float32`, taken from catalog pictures.
        matrix: `(dim, out_dim) float32`, or None for the identity.
        query_mean: `(dim,) float32`, taken from queries, where they are known to sit elsewhere.
        id: `identity`, or 16 hex digits of the SHA-256 of what it holds.
    """

    kind: str
    mean: FloatArray
    matrix: FloatArray | None
    query_mean: FloatArray = field(default_factory=lambda: _SAME)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        if self.query_mean is _SAME:
            object.__setattr__(self, "query_mean", self.mean)
        if self.matrix is not None:  # by columns, as the product reads it
            object.__setattr__(self, "matrix", np.asfortranarray(self.matrix))
        object.__setattr__(self, "id", self._hash())

    @classmethod
    def identity(cls, dimension: int) -> Projection:
        """The map that leaves embeddings of that length as they are."""
        return cls("identity", np.zeros(dimension, np.float32), None)

    @property
    def dimension(self) -> int:
        """Length of a projected vector."""
        return int(self.mean.shape[0] if self.matrix is None else self.matrix.shape[1])

    @property
    def shifted(self) -> bool:
        """Whether queries are known to sit elsewhere than catalog pictures."""
        return not np.array_equal(self.query_mean, self.mean)

    def apply(self, embeddings: FloatArray) -> FloatArray:
        """Project catalog pictures.

        Args:
            embeddings: `(n, dim) float32`, unit rows.

        Returns:
            `(n, out_dim) float32`, unit rows. A row that falls on the mean has no direction; it
            comes back as the first axis rather than as not-a-number.
        """
        return self._apply(embeddings, self.mean)

    def apply_queries(self, embeddings: FloatArray) -> FloatArray:
        """Project queries; as `apply`, but from the queries' own mean."""
        return self._apply(embeddings, self.query_mean)

    def moving_queries(self, by: FloatArray) -> Projection:
        """The same map of pictures; queries are moved by `(dim,) float32` before they are mapped.

        Not to be kept: pictures are searched as they were, so it is no other space.
        """
        return Projection(self.kind, self.mean, self.matrix, self.query_mean - by)

    def _apply(self, embeddings: FloatArray, mean: FloatArray) -> FloatArray:
        if self.matrix is None:
            if mean is self.mean or not self.shifted:
                return embeddings
            projected = embeddings - (mean - self.mean)
        else:
            projected = products(embeddings - mean, self.matrix.T)
        norms = np.linalg.norm(projected, axis=1, keepdims=True)
        flat = norms[:, 0] < np.finfo(np.float32).tiny
        if flat.any():
            projected[flat] = np.eye(1, projected.shape[1], dtype=np.float32)
            norms[flat] = 1.0
        return np.ascontiguousarray(projected / norms, dtype=np.float32)

    def to_bytes(self) -> bytes:
        """An `.npz` of what it holds, read back by `from_bytes`.

        The matrix is written in half precision where that loses nothing.
        """
        matrix = np.zeros((0, 0), np.float32) if self.matrix is None else self.matrix
        half = matrix.astype(np.float16)
        exact = np.array_equal(half.astype(np.float32), matrix)
        buffer = io.BytesIO()
        np.savez(
            buffer,
            kind=np.array(self.kind),
            mean=self.mean,
            query_mean=self.query_mean,
            matrix=half if exact else matrix,
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, payload: bytes) -> Projection:
        """Read what `to_bytes` wrote."""
        with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
            matrix = arrays["matrix"].astype(np.float32)
            return cls(
                str(arrays["kind"]),
                arrays["mean"],
                matrix if matrix.size else None,
                arrays["query_mean"],
            )

    def _hash(self) -> str:
        if self.matrix is None:
            return "identity"
        digest = hashlib.sha256(self.mean.astype("<f4").tobytes())
        digest.update(self.query_mean.astype("<f4").tobytes())
        digest.update(self.matrix.astype("<f4").tobytes())
        return digest.hexdigest()[:16]

"""A linear projection: `y = (x - mean) @ matrix`, brought back to unit length.

Identity, centring, whitening and a learned linear map are all of this form, so one class serves
them; how the mean and the matrix are found is the business of whoever fits them.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field

import numpy as np

from engine.types import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """A frozen map of unit embeddings `(n, dim)` to unit vectors `(n, out_dim)`.

    Attributes:
        kind: how it was found, one word: `identity`, `whitening`, ...
        mean: `(dim,) float32`.
        matrix: `(dim, out_dim) float32`.
        id: `identity`, or 16 hex digits of the SHA-256 of what it holds.
    """

    kind: str
    mean: FloatArray
    matrix: FloatArray | None
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", self._hash())

    @classmethod
    def identity(cls, dimension: int) -> Projection:
        """The map that leaves embeddings of that length as they are."""
        return cls("identity", np.zeros(dimension, np.float32), None)

    @property
    def dimension(self) -> int:
        """Length of a projected vector."""
        return int(self.mean.shape[0] if self.matrix is None else self.matrix.shape[1])

    def apply(self, embeddings: FloatArray) -> FloatArray:
        """Project unit embeddings.

        Args:
            embeddings: `(n, dim) float32`, unit rows.

        Returns:
            `(n, out_dim) float32`, unit rows. A row that falls on the mean has no direction; it
            comes back as the first axis rather than as not-a-number.
        """
        if self.matrix is None:
            return embeddings
        projected = (embeddings - self.mean) @ self.matrix
        norms = np.linalg.norm(projected, axis=1, keepdims=True)
        flat = norms[:, 0] < np.finfo(np.float32).tiny
        if flat.any():
            projected[flat] = np.eye(1, projected.shape[1], dtype=np.float32)
            norms[flat] = 1.0
        return np.ascontiguousarray(projected / norms, dtype=np.float32)

    def to_bytes(self) -> bytes:
        """An `.npz` of the kind, the mean and the matrix; read back by `from_bytes`."""
        buffer = io.BytesIO()
        matrix = np.zeros((0, 0), np.float32) if self.matrix is None else self.matrix
        np.savez(buffer, kind=np.array(self.kind), mean=self.mean, matrix=matrix)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, payload: bytes) -> Projection:
        """Read what `to_bytes` wrote."""
        with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
            matrix = arrays["matrix"]
            return cls(str(arrays["kind"]), arrays["mean"], matrix if matrix.size else None)

    def _hash(self) -> str:
        if self.matrix is None:
            return "identity"
        digest = hashlib.sha256(self.mean.astype("<f4").tobytes())
        digest.update(self.matrix.astype("<f4").tobytes())
        return digest.hexdigest()[:16]

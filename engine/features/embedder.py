"""Pictures -> embeddings: batched, checked, and of unit length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from PIL import Image

from ..backbones.base import Backbone
from ..errors import BackboneError, SettingsError
from ..types import ByteArray, FloatArray, Space

BATCH_SIZE = 32
_LEAST_NORM = 1e-6


class Embedder:
    """A backbone whose output has been checked and L2-normalised. Thread-safe.

    Args:
        backbone: what computes the features.
        batch_size: how many pictures it is given at once.

    Raises:
        SettingsError: the batch size is below 1.
    """

    def __init__(self, backbone: Backbone, batch_size: int = BATCH_SIZE) -> None:
        if batch_size < 1:
            raise SettingsError(f"expected a batch size of at least 1 but got {batch_size}")
        self.backbone = backbone
        self.batch_size = batch_size

    @property
    def space(self) -> Space:
        """What the embeddings may be compared with."""
        return self.backbone.space

    def embed(self, images: Iterable[Image.Image]) -> FloatArray:
        """`(n, dim) float32`, unit rows, for n upright RGB pictures; pictures are read as needed.

        Raises:
            BackboneError: the backbone gave numbers that can't be normalised.
        """
        prepared = (self.backbone.prepare(image) for image in images)
        rows = []
        while batch := list(islice(prepared, self.batch_size)):
            rows.append(self._embed_batch(np.stack(batch)))
        return np.concatenate(rows) if rows else self._empty()

    def embed_prepared(self, prepared: Sequence[ByteArray]) -> FloatArray:
        """`(n, dim) float32`, unit rows, for n `(S, S, 3) uint8` from the backbone's `prepare`.

        Raises:
            BackboneError: a picture has another shape or dtype, or the backbone gave numbers that
                can't be normalised.
        """
        size = self.batch_size
        rows = [
            self._embed_batch(np.stack(prepared[start : start + size]))
            for start in range(0, len(prepared), size)
        ]
        return np.concatenate(rows) if rows else self._empty()

    def _empty(self) -> FloatArray:
        return np.empty((0, self.space.dimension), np.float32)

    def _embed_batch(self, batch: ByteArray) -> FloatArray:
        features = self.backbone.features(batch)
        expected = (len(batch), self.space.dimension)
        if features.shape != expected:
            raise BackboneError(
                f"{self.backbone.name}: expected features of shape {expected} "
                f"but got {features.shape}"
            )
        norms = np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True)
        if not np.isfinite(norms).all() or (norms < _LEAST_NORM).any():
            row = int(np.argmin(np.isfinite(norms[:, 0]) & (norms[:, 0] >= _LEAST_NORM)))
            raise BackboneError(
                f"{self.backbone.name}: expected finite features other than zero, but picture "
                f"{row + 1} of a batch of {len(batch)} has the length {norms[row, 0]}"
            )
        unit: FloatArray = (features / norms).astype(np.float32)
        return unit

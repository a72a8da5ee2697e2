"""Pictures -> embeddings: batched, checked, and of unit length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np
from PIL import Image

from ..backbones.base import Backbone
from ..backbones.devices import LARGE_BATCH, is_card
from ..errors import BackboneError, SettingsError
from ..types import ByteArray, FloatArray, Space
from .ahead import work_ahead

BATCH_SIZE = 32
CARD_BATCH_SIZE = LARGE_BATCH
CARD_BATCHES = 4
"""Two are in the card's hands, and two are gathered: as much again as running one takes."""

_LEAST_NORM = 1e-6

T = TypeVar("T")
R = TypeVar("R")


class Embedder:
    """A backbone whose output has been checked and L2-normalised. Thread-safe.

    Args:
        backbone: what computes the features.
        batch_size: how many pictures it is given at once; by default as many as suit its device.

    Attributes:
        batch_size: how many pictures make a batch where somebody waits for each.
        bulk_size: how many where nobody does.
        at_once: how many batches are best given to the backbone at a time: on a card several, so
            that the next are gathered and copied while one runs.

    Raises:
        SettingsError: the batch size is below 1.
    """

    def __init__(self, backbone: Backbone, batch_size: int | None = None) -> None:
        if batch_size is not None and batch_size < 1:
            raise SettingsError(f"expected a batch size of at least 1 but got {batch_size}")
        on_card = is_card(backbone.device)
        self.backbone = backbone
        self.batch_size = batch_size or BATCH_SIZE
        self.bulk_size = batch_size or (CARD_BATCH_SIZE if on_card else BATCH_SIZE)
        self.at_once = CARD_BATCHES if on_card else 1

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
        size = self.bulk_size
        batches = [prepared[start : start + size] for start in range(0, len(prepared), size)]
        one_by_one = map if len(batches) <= 1 else self.in_order
        rows = list(one_by_one(lambda batch: self._embed_batch(np.stack(batch)), batches))
        return np.concatenate(rows) if rows else self._empty()

    def in_order(self, embed: Callable[[T], R], batches: Iterable[T]) -> Iterator[R]:
        """What `embed` makes of each batch; `at_once` of them are given to the backbone at a time.

        Batches are drawn in the caller's thread.
        """
        if self.at_once == 1:
            return map(embed, batches)
        single = ([batch] for batch in batches)
        made = work_ahead(single, embed, workers=self.at_once, ahead=self.at_once)
        return (each for [each] in made)

    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        """`(n, dim) float32`, unit rows, for n texts.

        Raises:
            TextError: the backbone knows pictures only.
            BackboneError: it gave numbers that can't be normalised.
        """
        return self._unit(self.backbone.text_features(texts), len(texts), "text")

    def _empty(self) -> FloatArray:
        return np.empty((0, self.space.dimension), np.float32)

    def _embed_batch(self, batch: ByteArray) -> FloatArray:
        return self._unit(self.backbone.features(batch), len(batch), "picture")

    def _unit(self, features: FloatArray, count: int, what: str) -> FloatArray:
        expected = (count, self.space.dimension)
        if features.shape != expected:
            raise BackboneError(
                f"{self.backbone.name}: expected features of shape {expected} "
                f"but got {features.shape}"
            )
        norms = np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True)
        if not np.isfinite(norms).all() or (norms < _LEAST_NORM).any():
            row = int(np.argmin(np.isfinite(norms[:, 0]) & (norms[:, 0] >= _LEAST_NORM)))
            raise BackboneError(
                f"{self.backbone.name}: expected finite features other than zero, but {what} "
                f"{row + 1} of a batch of {count} has the length {norms[row, 0]}"
            )
        unit: FloatArray = (features / norms).astype(np.float32)
        return unit

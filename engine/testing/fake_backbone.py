"""A backbone for tests: instant, deterministic, and its vectors can be checked by eye."""

from __future__ import annotations

import hashlib

import numpy as np

from ..backbones.base import Backbone
from ..backbones.preprocessing import Preprocessing
from ..errors import BackboneError
from ..types import ByteArray, FloatArray, Space

_CONSTANT = 0.1


class FakeBackbone(Backbone):
    """Mean colours of a picture's four quarters.

    The picture is averaged down to 2 × 2 pixels. Each quarter, in the order top left, top right,
    bottom left, bottom right, gives four numbers: red, green and blue on a scale from -1 (none) to
    1 (full), and the constant 0.1, so that no picture's features are zero. A red picture gives four
    times `1, -1, -1, 0.1`.

    `FakeBackbone(variant=1)` plays another model of the same dimension: another space, and the same
    numbers moved on by one place. By name: `fake`, `fake:1`.
    """

    DIMENSION = 16

    def __init__(self, variant: int = 0) -> None:
        self.name = "fake" if variant == 0 else f"fake:{variant}"
        self.preprocessing = Preprocessing(
            image_size=2, resize=2, fit="squash", interpolation="box"
        )
        self.space = Space(
            backbone=self.name,
            weights_hash=hashlib.sha256(self.name.encode()).hexdigest(),
            preprocessing_hash=self.preprocessing.hash,
            dimension=self.DIMENSION,
        )
        self.device = "cpu"
        self.runtime = "numpy"
        self._variant = variant

    def __repr__(self) -> str:
        return f"FakeBackbone({self._variant})"

    @classmethod
    def named(cls, name: str) -> FakeBackbone:
        """The backbone that `fake` or `fake:VARIANT` names.

        Raises:
            BackboneError: the variant is no number.
        """
        variant = name.partition(":")[2] or "0"
        if not variant.isdecimal():
            raise BackboneError(f"expected fake or fake:NUMBER but got {name!r}")
        return cls(int(variant))

    def _features(self, batch: ByteArray) -> FloatArray:
        quarters = batch.reshape(len(batch), 4, 3).astype(np.float32) / 127.5 - 1
        constant = np.full((len(batch), 4, 1), _CONSTANT, np.float32)
        numbers = np.concatenate([quarters, constant], axis=2).reshape(len(batch), self.DIMENSION)
        return np.roll(numbers, self._variant, axis=1)

"""The seam between a backbone and what runs its network."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ...types import ByteArray, FloatArray

INPUT_NAME = "pixels"  # of an exported network: (n, S, S, 3) uint8
OUTPUT_NAME = "features"  # (n, dim) float32


LEAST_COSINE = 0.9999
"""Of a picture's features to those that float32 weights give with torch."""


class Runtime(Protocol):
    """Maps `(n, S, S, 3) uint8` RGB, n at least 1, to `(n, dim) float32`; thread-safe.

    Normalising with mean and deviation is the runtime's, so that it can be fused into the network.

    Attributes:
        name: such as `torch`.
        device: such as `cpu` or `cuda`.
        at_once: how many batches it runs at a time, each in threads of its own; more would only
            take each other's turns.
    """

    @property
    def name(self) -> str: ...

    @property
    def device(self) -> str: ...

    @property
    def at_once(self) -> int: ...

    def __call__(self, batch: ByteArray) -> FloatArray: ...


def least_cosine(features: FloatArray, reference: FloatArray) -> float:
    """The least of the cosines between rows `(n, dim)`; not-a-number where one can't be told."""
    lengths = np.linalg.norm(features, axis=1) * np.linalg.norm(reference, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.min(np.sum(features * reference, axis=1) / lengths))

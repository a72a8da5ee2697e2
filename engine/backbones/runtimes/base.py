"""The seam between a backbone and what runs its network."""

from __future__ import annotations

from typing import Protocol

from ...types import ByteArray, FloatArray

INPUT_NAME = "pixels"  # of an exported network: (n, S, S, 3) uint8
OUTPUT_NAME = "features"  # (n, dim) float32


class Runtime(Protocol):
    """Maps `(n, S, S, 3) uint8` RGB, n at least 1, to `(n, dim) float32`; thread-safe.

    Normalising with mean and deviation is the runtime's, so that it can be fused into the network.

    Attributes:
        name: such as `torch`.
        device: such as `cpu` or `cuda`.
    """

    @property
    def name(self) -> str: ...

    @property
    def device(self) -> str: ...

    def __call__(self, batch: ByteArray) -> FloatArray: ...

"""Random numbers that are the same on every machine and under every version of NumPy.

NumPy may change what its generators' methods return; the raw output of PCG64 and the way a
`SeedSequence` seeds it are fixed. So only raw integers are taken from there, and what else is
needed is made of them by arithmetic that IEEE 754 fixes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Item = TypeVar("Item")

_UNIT = 2.0**-53
_NORMAL_TERMS = 12


class Draws:
    """A stream of random numbers.

    Args:
        seed: whole numbers, of any sign; together they name the stream.
    """

    def __init__(self, *seed: int) -> None:
        entropy = [number % 2**64 for number in seed]
        self._bits = np.random.PCG64(np.random.SeedSequence(entropy))

    def uniforms(self, count: int) -> npt.NDArray[np.float64]:
        """`(count,) float64` in [0, 1)."""
        raw = self._bits.random_raw(count)
        return (raw >> np.uint64(11)).astype(np.float64) * _UNIT

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """In [low, high)."""
        return low + (high - low) * ((int(self._bits.random_raw()) >> 11) * _UNIT)

    def log_uniform(self, low: float, high: float) -> float:
        """In [low, high), its logarithm uniform."""
        return math.exp(self.uniform(math.log(low), math.log(high)))

    def normal(self, deviation: float = 1.0) -> float:
        """Normal as nearly as the sum of twelve uniforms is: never beyond six deviations."""
        return (float(self.uniforms(_NORMAL_TERMS).sum()) - _NORMAL_TERMS / 2) * deviation

    def chance(self, probability: float) -> bool:
        return self.uniform() < probability

    def below(self, limit: int) -> int:
        """A whole number in [0, limit)."""
        return int(self.uniform() * limit)

    def choice(self, items: Sequence[Item]) -> Item:
        return items[self.below(len(items))]

    def sign(self) -> float:
        """1 or -1."""
        return 1.0 if self.chance(0.5) else -1.0

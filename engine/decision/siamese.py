"""The Siamese head: how probable it is that two embeddings show the same class.

Koch, Zemel and Salakhutdinov, *Siamese neural networks for one-shot image recognition*, 2015:
p = σ(w · |a − b| + c). The absolute difference makes it symmetric in its arguments.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import CalibrationError
from ..types import FloatArray

_MAGIC = b"onelook-siamese-1"
_HEADER = struct.Struct(f"<{len(_MAGIC)}sId")


@dataclass(frozen=True, slots=True, eq=False)
class SiameseHead:
    """A trained head; applied in NumPy, trained in `engine.training.siamese`.

    Attributes:
        weights: `(dim,) float32`, one for each component of the absolute difference.
        bias: the logit of two equal embeddings.
    """

    weights: FloatArray
    bias: float

    def logits(self, first: FloatArray, second: FloatArray) -> npt.NDArray[np.float64]:
        """`(n,)` log-odds of *same class*, for pairs of rows.

        Args:
            first, second: `(n, dim) float32`, unit rows in the space the head was trained in;
                `(dim,)` on one side is compared with every row of the other.

        Raises:
            CalibrationError: the embeddings have another dimension than the head.
        """
        for side in (first, second):
            if side.shape[-1] != len(self.weights):
                raise CalibrationError(
                    f"expected embeddings of dimension {len(self.weights)}, as the Siamese head "
                    f"was trained on, but got {side.shape[-1]}; train the head again"
                )
        difference = np.abs(np.atleast_2d(first) - np.atleast_2d(second)).astype(np.float64)
        logits: npt.NDArray[np.float64] = difference @ self.weights.astype(np.float64) + self.bias
        return logits

    def probability(self, first: FloatArray, second: FloatArray) -> npt.NDArray[np.float64]:
        """`(n,)` probabilities of *same class*; arguments and errors as for `logits`.

        They hold for a pair that is as likely genuine as not, which is how the head is trained.
        """
        return 1.0 / (1.0 + np.exp(-np.clip(self.logits(first, second), -700.0, 700.0)))

    def to_bytes(self) -> bytes:
        """A platform-independent form: a magic word, the dimension, the bias, `<f4` weights."""
        weights = self.weights.astype("<f4")
        return _HEADER.pack(_MAGIC, len(weights), self.bias) + weights.tobytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> SiameseHead:
        """Read what `to_bytes` wrote.

        Raises:
            CalibrationError: the bytes are no Siamese head, or a damaged one.
        """
        if len(content) >= _HEADER.size:
            magic, dimension, bias = _HEADER.unpack_from(content)
            if magic == _MAGIC and len(content) == _HEADER.size + 4 * dimension:
                weights = np.frombuffer(content, "<f4", offset=_HEADER.size).astype(np.float32)
                return cls(weights, bias)
        raise CalibrationError(
            f"expected a Siamese head, but got {len(content)} bytes of something else; "
            "train the head again"
        )

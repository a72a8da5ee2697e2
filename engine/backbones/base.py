"""The contract that every backbone keeps.

A backbone turns a picture into raw features in two steps, so that the cheap one can run in many
decoding threads or processes and the dear one on whole batches:

    upright RGB picture --prepare--> (S, S, 3) uint8 --features--> (dim,) float32

- *Deterministic*: the same picture gives the same features, alone or in any batch, up to the
  rounding of float32 (1e-4 of the features' length), or on a card of float16 (a cosine of 0.9999).
- *Thread-safe*: `prepare` and `features` may be called from several threads at once.
- *Comparable*: two backbones whose `space` is equal give features that may be compared, whatever
  their device and runtime.
- *Raises* `BackboneError` for a batch of the wrong shape or dtype. An empty batch gives `(0, dim)`.

A backbone that was trained on pictures with their captions turns texts into such features as well;
any other refuses them.

Features are raw: not normalised, and nobody has looked whether they are finite. `Embedder` does
both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..errors import BackboneError, TextError
from ..types import ByteArray, FloatArray, Space
from .preprocessing import Preprocessing


class Backbone(ABC):
    """A pretrained network without its classification head, ready to run.

    Attributes:
        name: what loads it again.
        space: what its features may be compared with.
        preprocessing: what it does to a picture first.
        device: where it runs, such as `cpu` or `cuda:0`.
        runtime: what runs it, such as `torch` or `onnxruntime`.
        at_once: how many batches it runs at a time; more would only take each other's turns.
    """

    name: str
    space: Space
    preprocessing: Preprocessing
    device: str
    runtime: str
    at_once: int = 1

    def prepare(self, image: Image.Image) -> ByteArray:
        """`(S, S, 3) uint8` RGB, S the network's input size, from an upright RGB picture."""
        return self.preprocessing.prepare(image)

    def features(self, batch: ByteArray) -> FloatArray:
        """Raw features of prepared pictures.

        Args:
            batch: `(n, S, S, 3) uint8` RGB, n may be 0.

        Returns:
            `(n, dim) float32`, not normalised.

        Raises:
            BackboneError: the batch has another shape or dtype.
        """
        side = self.preprocessing.image_size
        if batch.ndim != 4 or batch.shape[1:] != (side, side, 3) or batch.dtype != np.uint8:
            raise BackboneError(
                f"{self.name}: expected prepared pictures of shape (n, {side}, {side}, 3) and "
                f"dtype uint8 but got shape {batch.shape} and dtype {batch.dtype}"
            )
        if len(batch) == 0:
            return np.empty((0, self.space.dimension), np.float32)
        return self._features(batch)

    @property
    def knows_texts(self) -> bool:
        """Whether it has features of texts too."""
        return False

    def text_features(self, texts: Sequence[str]) -> FloatArray:  # noqa: ARG002
        """Features of texts, which name what a picture may show: `a red mug`.

        Returns:
            `(n, dim) float32`, to be compared with pictures' features by cosine.

        Raises:
            TextError: this backbone knows pictures only.
            BackboneError: its half for texts can't be loaded.
        """
        raise knows_pictures_only(self.name)

    @abstractmethod
    def _features(self, batch: ByteArray) -> FloatArray:
        """`features` of a batch of the right shape and dtype with at least one picture."""


def knows_pictures_only(name: str) -> TextError:
    """The error that says why a backbone can't be given a text."""
    return TextError(f"{name} knows pictures only; a text needs a backbone open_clip:MODEL/TAG")

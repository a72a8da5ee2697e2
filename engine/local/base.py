"""The contract of every extractor of local features.

What it gives. A picture's local features are points that a camera finds again: where each lies, how
large it is, which way it points, and a descriptor of what is around it. Two pictures of one flat
thing share many of them, wherever it lies in either and however it is turned.

Views. Points are sought in a view of their own, apart from the embedding's: the picture shrunk to a
long side of `QUERY_LONG_SIDE` for queries and `ENROLLED_LONG_SIDE` for enrolled pictures, never
enlarged. The latter is the long side of kept pictures, so that a kept copy gives the same points as
the picture it was made of, to within what its encoding costs.

Determinism. The same pixels give the same features, in any thread and in any order.

Threads. Any method may be called from any thread.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..types import ByteArray, FloatArray

QUERY_LONG_SIDE = 800
ENROLLED_LONG_SIDE = 512

DESCRIPTOR_BYTES = 128

DESCRIPTOR_SCALE = 512.0
"""A stored descriptor over this is a component of the unit vector that it stands for."""


@dataclass(frozen=True, slots=True, eq=False)
class LocalFeatures:
    """The local features of one picture, most telling first.

    Attributes:
        width, height: of the picture that the points lie in, upright, in pixels.
        keypoints: `(n, 4) float32`: x and y in upright pixels of that picture from its upper left
            corner, the diameter of the point's neighbourhood in pixels, its angle in degrees
            clockwise.
        descriptors: `(n, 128) uint8`: unit vectors times `DESCRIPTOR_SCALE`, rounded.
    """

    width: int
    height: int
    keypoints: FloatArray
    descriptors: ByteArray

    def __post_init__(self) -> None:
        points = len(self.keypoints)
        if self.keypoints.shape != (points, 4):
            raise ValueError(f"expected keypoints of shape (n, 4) but got {self.keypoints.shape}")
        if self.descriptors.shape != (points, DESCRIPTOR_BYTES):
            raise ValueError(
                f"expected descriptors of shape ({points}, {DESCRIPTOR_BYTES}) "
                f"but got {self.descriptors.shape}"
            )

    def __len__(self) -> int:
        return len(self.keypoints)

    @classmethod
    def none(cls, width: int, height: int) -> LocalFeatures:
        """Those of a picture without any."""
        return cls(
            width,
            height,
            np.empty((0, 4), np.float32),
            np.empty((0, DESCRIPTOR_BYTES), np.uint8),
        )

    def first(self, points: int) -> LocalFeatures:
        """The most telling ones only."""
        if points >= len(self):
            return self
        return LocalFeatures(
            self.width, self.height, self.keypoints[:points], self.descriptors[:points]
        )


class LocalExtractor(ABC):
    """Finds local features. The module tells the contract.

    Attributes:
        name: of the extractor and everything that shapes what it gives; features of extractors
            with different names can't be compared.
    """

    name: str

    @abstractmethod
    def extract(
        self, picture: Image.Image, *, long_side: int, points: int, size: tuple[int, int]
    ) -> LocalFeatures:
        """The features of an upright RGB picture.

        Args:
            long_side: of the view that points are sought in, at most.
            points: how many are kept, at most.
            size: width and height of the picture in its source, in whose pixels the points are
                told; more than the picture's own where it was shrunk while decoding.
        """


def as_unit_rows(descriptors: ByteArray) -> FloatArray:
    """`(n, d) float32`, unit rows, of descriptors `(n, d) uint8`; rows of zeros stay."""
    rows = descriptors.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    rows /= np.maximum(lengths, 1e-6)[:, None]
    return rows

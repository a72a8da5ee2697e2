"""Local features as they are stored: 40 bytes a point.

Descriptors are product-quantised (Jégou et al. 2011): each is cut into 32 pieces of four
components, and of each piece only the number of the nearest of 256 is kept. What is stored can be
decoded again to within that, and is compared with queries that aren't quantised. Each also has a
*word*, one of 65,536 cells that an index files it under: for each half of it the nearest of 256
(the inverted multi-index, Babenko and Lempitsky 2012).

The codebook belongs to the package and never changes: another would be another extractor's name. It
was fitted to some 170,000 descriptors of freely licensed icons, drawings and photographs (Open Clip
Art, emoji and logos under MIT, Apache and CC0; scikit-image's photographs), pasted onto each other,
turned, blurred and compressed.

Stored form, little-endian: width and height `u4`, then x and y as shares of them in 65,535ths `u2`
each, diameters `u1` (steps of 2^(1/16) from 1/64 of a pixel of a picture with a long side of 512),
angles `u1` (256ths of a turn), words `u2` (the first half's number below), then the codes.
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..types import ByteArray, FloatArray
from .base import DESCRIPTOR_BYTES, LocalFeatures

WordArray = npt.NDArray[np.uint16]

CODEBOOK = Path(__file__).with_name("data") / "rootsift-codebook.npz"
CODE_BYTES = 32
WORDS = 65536
POINT_BYTES = 8 + CODE_BYTES
MOST_POINTS = 999
"""With so many, stored features stay below 40,000 bytes."""

_HEADER = struct.Struct("<II")
_PIECE = DESCRIPTOR_BYTES // CODE_BYTES
_BATCH = 8192
_STEPS = 16
_SMALLEST = -6
_REFERENCE = 512.0


@dataclass(frozen=True, slots=True, eq=False)
class CodedFeatures:
    """Local features of an enrolled picture, their descriptors quantised.

    Attributes:
        width, height: of the picture, upright, in pixels.
        keypoints: `(n, 4) float32`, as `LocalFeatures` has them.
        words: `(n,) uint16`.
        codes: `(n, 32) uint8`.
    """

    width: int
    height: int
    keypoints: FloatArray
    words: WordArray
    codes: ByteArray

    def __len__(self) -> int:
        return len(self.codes)

    @classmethod
    def of(cls, features: LocalFeatures) -> CodedFeatures:
        """Features with their descriptors quantised."""
        words, codes = words_of(features.descriptors), encode(features.descriptors)
        return cls(features.width, features.height, features.keypoints, words, codes)

    def descriptors(self) -> FloatArray:
        """`(n, 128) float32`, unit rows: what the codes stand for."""
        return decode(self.codes)

    def to_bytes(self) -> bytes:
        """The stored form."""
        sides = np.array([self.width, self.height], np.float64)
        places = np.rint(np.clip(self.keypoints[:, :2] / sides, 0, 1) * 65535).astype("<u2")
        relative = np.maximum(self.keypoints[:, 2] * _REFERENCE / sides.max(), 1e-9)
        steps = (np.log2(relative) - _SMALLEST) * _STEPS
        scales = np.clip(np.rint(steps), 0, 255).astype(np.uint8)
        angles = (np.rint(self.keypoints[:, 3] * (256 / 360)).astype(np.int64) % 256).astype("u1")
        return b"".join(
            (
                _HEADER.pack(self.width, self.height),
                places.tobytes(),
                scales.tobytes(),
                angles.tobytes(),
                self.words.astype("<u2").tobytes(),
                self.codes.tobytes(),
            )
        )

    @classmethod
    def from_bytes(cls, stored: bytes) -> CodedFeatures:
        """What `to_bytes` gave.

        Raises:
            ValueError: it is of another length than any stored form.
        """
        body = len(stored) - _HEADER.size
        if body < 0 or body % POINT_BYTES:
            raise ValueError(
                f"expected {_HEADER.size} bytes and {POINT_BYTES} for each point of local features "
                f"but got {len(stored)} bytes"
            )
        n = body // POINT_BYTES
        width, height = _HEADER.unpack_from(stored)
        data = np.frombuffer(stored, np.uint8, offset=_HEADER.size)
        places = data[: 4 * n].view("<u2").reshape(n, 2).astype(np.float32) / 65535
        relative = 2.0 ** (data[4 * n : 5 * n].astype(np.float64) / _STEPS + _SMALLEST)
        keypoints = np.empty((n, 4), np.float32)
        keypoints[:, :2] = places * np.array([width, height], np.float32)
        keypoints[:, 2] = relative * (max(width, height) / _REFERENCE)
        keypoints[:, 3] = data[5 * n : 6 * n] * np.float32(360 / 256)
        words = data[6 * n : 8 * n].view("<u2").astype(np.uint16)
        return cls(width, height, keypoints, words, data[8 * n :].reshape(n, CODE_BYTES))


def encode(descriptors: ByteArray) -> ByteArray:
    """Codes `(n, 32) uint8` of descriptors `(n, 128) uint8`."""
    return _nearest(descriptors, codebook().centroids)


def words_of(descriptors: ByteArray) -> WordArray:
    """Words `(n,) uint16` of descriptors `(n, 128) uint8`."""
    halves = _nearest(descriptors, codebook().halves).astype(np.uint16)
    return np.asarray(halves[:, 0] | halves[:, 1] << 8, np.uint16)


def decode(codes: ByteArray) -> FloatArray:
    """Unit rows `(n, 128) float32` of codes `(n, 32) uint8`."""
    centroids = codebook().centroids
    rows = centroids[np.arange(CODE_BYTES), codes].reshape(len(codes), DESCRIPTOR_BYTES)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    unit: FloatArray = rows / np.maximum(lengths, 1e-6)[:, None]
    return unit


class Codebook(NamedTuple):
    """Centroids in the units of stored descriptors.

    Attributes:
        centroids: `(32, 256, 4) float32`, of each piece.
        halves: `(2, 256, 64) float32`, of each half.
    """

    centroids: FloatArray
    halves: FloatArray


@functools.cache
def codebook() -> Codebook:
    """The package's own."""
    with np.load(CODEBOOK, allow_pickle=False) as stored:
        return Codebook(stored["centroids"].astype(np.float32), stored["words"].astype(np.float32))


def _nearest(descriptors: ByteArray, centroids: FloatArray) -> ByteArray:
    """`(n, pieces) uint8`: the nearest centroid of each piece; `centroids (pieces, 256, d)`."""
    pieces, _, width = centroids.shape
    half_squares = 0.5 * np.einsum("pck,pck->pc", centroids, centroids)
    numbers = np.empty((len(descriptors), pieces), np.uint8)
    for start in range(0, len(descriptors), _BATCH):
        rows = descriptors[start : start + _BATCH].astype(np.float32)
        for piece in range(pieces):
            part = rows[:, piece * width : (piece + 1) * width]
            likeness = part @ centroids[piece].T - half_squares[piece]
            numbers[start : start + _BATCH, piece] = likeness.argmax(axis=1)
    return numbers

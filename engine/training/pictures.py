"""Labelled pictures for training: read once, kept small, prepared and photographed as needed."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..backbones.preprocessing import Preprocessing
from ..errors import ImageError, TrainingError
from ..gallery import Gallery
from ..images import ImageSource, load_image
from ..synthesis import Cutout, cut_out
from ..types import ByteArray, IntArray, Reject

Pictures = Iterable[tuple[str, ImageSource]]

_CUTOUTS_HELD = 1024
_QUALITY = 95


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPictures:
    """Pictures of classes.

    Attributes:
        encoded: each picture, whole, as a JPEG of a bounded size.
        labels: `(n,) int64`, numbers of the names.
        names: the classes' labels, sorted.
        rejects: what could not be read.
    """

    encoded: tuple[bytes, ...]
    labels: IntArray
    names: tuple[str, ...]
    rejects: tuple[Reject, ...]

    def prepared(self, rows: Sequence[int] | IntArray, preprocessing: Preprocessing) -> ByteArray:
        """`(len(rows), S, S, 3) uint8`, as the preprocessing makes them."""
        return np.stack([preprocessing.prepare(_decoded(self.encoded[row])) for row in rows])

    def count(self, rows: IntArray) -> int:
        """How many classes these rows show."""
        return len(np.unique(self.labels[rows]))

    def first_of_each(self) -> IntArray:
        """The first row of each class, in the order of the names."""
        return np.unique(self.labels, return_index=True)[1].astype(np.int64)


def read_pictures(pictures: Pictures, preprocessing: Preprocessing) -> LabelledPictures:
    """Read labelled pictures, so that memory holds a few kilobytes of each.

    Args:
        pictures: label and image of each.
        preprocessing: of the network that will see them, which says how large they are kept.

    Raises:
        TrainingError: there are no pictures, or none can be read.
    """
    listed = list(pictures)

    def read(picture: tuple[str, ImageSource]) -> bytes | Reject:
        try:
            loaded = load_image(picture[1], min_side_hint=preprocessing.decode_short_side)
        except ImageError as error:
            return Reject(error.source, error.reason)
        return _encoded(loaded.pixels, preprocessing.resize)

    kept: list[str] = []
    encoded: list[bytes] = []
    rejects: list[Reject] = []
    with ThreadPoolExecutor() as pool:
        for (label, _), result in zip(listed, pool.map(read, listed), strict=True):
            if isinstance(result, Reject):
                rejects.append(result)
            else:
                encoded.append(result)
                kept.append(label)
    if not kept:
        first = f"; the first of {len(rejects)} can't be read: {rejects[0]}" if rejects else ""
        raise TrainingError(f"expected labelled pictures to train on, but there are none{first}")
    names, labels = np.unique(np.array(kept, dtype=object), return_inverse=True)
    return LabelledPictures(
        tuple(encoded), labels.astype(np.int64), tuple(map(str, names)), tuple(rejects)
    )


def kept_pictures(gallery: Gallery) -> list[tuple[str, ImageSource]]:
    """Label and kept picture of every example that has one.

    Raises:
        TrainingError: none has.
    """
    with gallery.catalog.read() as reader:
        pictures = [
            (one.label, reader.examples.picture(one.id)) for one in reader.examples.stream()
        ]
    kept: list[tuple[str, ImageSource]] = [
        (label, data) for label, data in pictures if data is not None
    ]
    if not kept:
        raise TrainingError(
            f"{gallery.location}: expected pictures to train on, but none of its "
            f"{len(pictures):,} examples' pictures was kept; train on the files (--data)"
        )
    return kept


class Cutouts:
    """The pictures cut from their grounds, by row; the last thousand asked for are held.

    Args:
        longest: pixels of a longer side, at most.
    """

    def __init__(self, pictures: LabelledPictures, longest: int) -> None:
        self._encoded = pictures.encoded
        self._longest = longest
        self._held = lru_cache(maxsize=_CUTOUTS_HELD)(self._made)

    def __getitem__(self, row: int) -> Cutout:
        return self._held(int(row))

    def _made(self, row: int) -> Cutout:
        return cut_out(np.asarray(_decoded(self._encoded[row])), self._longest)


def normalised(pixels: ByteArray, preprocessing: Preprocessing) -> Tensor:
    """`(n, 3, S, S) float32` as the network takes it, from `(n, S, S, 3) uint8`."""
    images = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2)
    return scaled(images.float(), preprocessing)


def scaled(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """`(n, 3, S, S) float32` as the network takes it, from the same in [0, 255].

    In memory the channels of a pixel stand together, which networks of convolutions run faster on.
    """
    mean, std = (
        torch.tensor(part, device=images.device).view(1, 3, 1, 1)
        for part in (preprocessing.mean, preprocessing.std)
    )
    return ((images / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


def _encoded(picture: Image.Image, short_side: int) -> bytes:
    """A JPEG whose short side is at most so long, and the other at most four times as long."""
    width, height = picture.size
    scale = min(1.0, short_side / min(width, height), 4 * short_side / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = picture if scale == 1 else picture.resize(size, Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=_QUALITY, subsampling=0)
    return file.getvalue()


def _decoded(encoded: bytes) -> Image.Image:
    with Image.open(io.BytesIO(encoded)) as picture:
        return picture.convert("RGB")

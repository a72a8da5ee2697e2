"""Labelled pictures for training: decoded once, kept on disk, distorted anew for each batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.backbones.preprocessing import Preprocessing
from engine.errors import ImageError, TrainingError
from engine.features import BATCH_SIZE, prepared_pixels, work_ahead
from engine.images import ImageLimits, ImageSource
from engine.training.distortion import Distortion, distort
from engine.training.samplers import ClassSampler
from engine.types import ByteArray, IntArray, Reject

PICTURE_DISTORTION = Distortion(rotation=0.15, stretch=0.2, shear=0.1, shift=0.1)
_LIGHT = 0.3  # contrast and brightness change by up to this share
_TINT = 0.1  # and each channel by up to this


@dataclass(frozen=True, slots=True)
class LabelledPictures:
    """Pictures as a backbone prepares them.

    Attributes:
        pixels: `(n, S, S, 3) uint8`, RGB, mapped from a file.
        labels: `(n,) int64`, numbers of the names.
        names: the classes' labels, sorted.
        rejects: what could not be read.
    """

    pixels: ByteArray
    labels: IntArray
    names: tuple[str, ...]
    rejects: tuple[Reject, ...]


def prepare_pictures(
    pictures: Iterable[tuple[str, ImageSource]], preprocessing: Preprocessing, file: Path
) -> LabelledPictures:
    """Decode labelled pictures into `file`, so that memory holds only what a batch needs.

    Args:
        pictures: label and image of each.
        file: written anew; an `.npy` file of the pixels.

    Raises:
        TrainingError: there are no pictures, or `file` can't be written.
    """
    listed = list(pictures)
    if not listed:
        raise TrainingError("expected labelled pictures to train on, but there are none")

    def prepared(picture: tuple[str, ImageSource]) -> ByteArray | Reject:
        try:
            return prepared_pixels(picture[1], preprocessing, ImageLimits())[1]
        except ImageError as error:
            return Reject(error.source, error.reason)

    kept: list[str] = []
    rejects: list[Reject] = []
    side = preprocessing.image_size
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.lib.format.open_memmap(
            file, mode="w+", dtype=np.uint8, shape=(len(listed), side, side, 3)
        )
    except OSError as error:
        raise TrainingError(f"{file}: pictures can't be kept there: {error}") from error
    batches = [listed[first : first + BATCH_SIZE] for first in range(0, len(listed), BATCH_SIZE)]
    for batch, results in zip(batches, work_ahead(batches, prepared), strict=True):
        for (label, _), result in zip(batch, results, strict=True):
            if isinstance(result, Reject):
                rejects.append(result)
            else:
                pixels[len(kept)] = result
                kept.append(label)
    names, labels = np.unique(np.array(kept, dtype=object), return_inverse=True)
    return LabelledPictures(
        pixels[: len(kept)], labels.astype(np.int64), tuple(map(str, names)), tuple(rejects)
    )


class PictureBatches:
    """Distorted pictures of the classes that are trained on.

    Args:
        pixels: `(n, S, S, 3) uint8`.
        labels: `(n,) int64`.
        rows: `(m,) int64`, the pictures to draw from.
        preprocessing: the network's.
        batch_size, per_class: pictures a batch, and of each class in it.

    Attributes:
        steps: batches an epoch, in which about as many pictures are seen as there are.
    """

    def __init__(
        self,
        pixels: ByteArray,
        labels: IntArray,
        rows: IntArray,
        preprocessing: Preprocessing,
        *,
        batch_size: int,
        per_class: int,
    ) -> None:
        self._pixels = pixels
        self._rows = rows
        self._preprocessing = preprocessing
        _, self._labels = np.unique(labels[rows], return_inverse=True)
        self._sampler = ClassSampler(self._labels, batch_size=batch_size, per_class=per_class)
        self.steps = max(1, round(len(rows) / self._sampler.batch_size))

    @property
    def classes(self) -> int:
        """How many classes there are; labels are `0 .. classes-1`."""
        return int(self._labels.max()) + 1

    def epoch(self, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield `steps` batches `(n, 3, S, S) float32`, normalised, and labels `(n,) int64`."""
        generator = torch.Generator().manual_seed(seed)
        for chosen in self._sampler.batches(self.steps, seed):
            images = normalised(self._pixels[self._rows[chosen]], self._preprocessing)
            moved = distort(images, images.shape[-1], PICTURE_DISTORTION, generator)
            yield relit(moved, generator), torch.from_numpy(self._labels[chosen])


def normalised(pixels: ByteArray, preprocessing: Preprocessing) -> Tensor:
    """`(n, 3, S, S) float32` as the network takes it, from `(n, S, S, 3) uint8`."""
    mean, std = (torch.tensor(part) for part in (preprocessing.mean, preprocessing.std))
    images = (torch.from_numpy(np.ascontiguousarray(pixels)).float() / 255 - mean) / std
    return images.permute(0, 3, 1, 2)


def relit(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture under another light: contrast, brightness and the channels' balance.

    Args:
        images: `(n, 3, S, S) float32`, normalised.
    """
    count = len(images)

    def uniform(limit: float, channels: int) -> Tensor:
        return (torch.rand(count, channels, 1, 1, generator=generator) * 2 - 1) * limit

    gain = 1 + uniform(_LIGHT, 1) + uniform(_TINT, 3)
    return images * gain + uniform(_LIGHT, 1) + uniform(_TINT, 3)

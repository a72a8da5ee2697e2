"""Batches of pictures and their synthetic photographs, alike ones together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from ..backbones.preprocessing import Preprocessing
from ..synthesis import Cutout, Split, synthesize
from ..synthesis.batches import BatchComposer
from ..types import ByteArray, FloatArray, IntArray
from .embedding import embed
from .pictures import Cutouts, LabelledPictures, normalised, scaled
from .samplers import NeighbourSampler

_REMEMBERED = 1 / 8  # of a batch's pairs: as many further photographs to stay with the teacher on
_MILD = 0.3  # strength of those, at most; and of real pictures that stand for photographs, at least
_OTHER_SHARE = 0.5  # of the pairs of a class with several pictures: of any two of them
_MOST_OTHERS = 150


@dataclass(frozen=True, slots=True, eq=False)
class Scenery:
    """What is around a picture in its photographs.

    Attributes:
        others: of things beside it and behind it.
        backgrounds: `(h, w, 3) uint8` each, photographs of places; may be none.
        split: which kinds of surfaces and textures.
    """

    others: tuple[Cutout, ...]
    backgrounds: tuple[ByteArray, ...]
    split: Split

    @classmethod
    def around(
        cls, cutouts: Cutouts, rows: IntArray, backgrounds: Sequence[ByteArray], split: Split
    ) -> Scenery:
        """Things of some of these rows, and one half of the backgrounds."""
        step = max(1, -(-len(rows) // _MOST_OTHERS))
        half = backgrounds[1::2] if split is Split.JUDGING else backgrounds[::2]
        return cls(tuple(cutouts[row] for row in rows[::step]), tuple(half), split)

    def photograph(self, cutout: Cutout, seed: int, size: int, strength: float) -> ByteArray:
        """`(size, size, 3) uint8`."""
        return synthesize(
            cutout,
            seed,
            others=self.others,
            backgrounds=self.backgrounds,
            strength=strength,
            size=size,
            split=self.split,
        ).pixels


Photographer = Callable[[IntArray, IntArray, FloatArray], Tensor]
"""Which of the pictures, seeds and strengths, `(m,)` each -> `(m, 3, S, S) float32`, 0 to 255."""


def one_by_one(cutouts: Cutouts, rows: IntArray, scenery: Scenery, size: int) -> Photographer:
    """Photographs of these rows' pictures, made on the CPU."""

    def photographs(chosen: IntArray, seeds: IntArray, strengths: FloatArray) -> Tensor:
        asked = zip(rows[chosen], seeds.tolist(), strengths.tolist(), strict=True)
        pixels = np.stack(
            [
                scenery.photograph(cutouts[row], seed, size, strength)
                for row, seed, strength in asked
            ]
        )
        return torch.from_numpy(pixels).permute(0, 3, 1, 2).float()

    return photographs


def all_at_once(
    cutouts: Cutouts, rows: IntArray, scenery: Scenery, size: int, device: torch.device
) -> Photographer:
    """Photographs of these rows' pictures, which are all kept on a GPU and made there."""
    composer = BatchComposer(
        [cutouts[row] for row in rows],
        device,
        backgrounds=scenery.backgrounds,
        split=scenery.split,
        size=size,
    )

    def photographs(chosen: IntArray, seeds: IntArray, strengths: FloatArray) -> Tensor:
        return composer.compose(chosen.tolist(), seeds.tolist(), strengths.tolist())[0]

    return photographs


class PhotographBatches:
    """Pictures, a photograph of each, and some photographs to remember what the teacher says of.

    Args:
        data: the pictures.
        rows: `(m,) int64`, those to draw from.
        photographer: makes photographs of these.
        teacher: the network that training started from; on the device that it runs on.
        preprocessing: the networks'.
        pairs: in a batch, at most.
        photographs: in an epoch, about.

    Attributes:
        steps: batches an epoch.
    """

    def __init__(
        self,
        data: LabelledPictures,
        rows: IntArray,
        photographer: Photographer,
        teacher: nn.Module,
        preprocessing: Preprocessing,
        *,
        pairs: int,
        photographs: int,
    ) -> None:
        self._data = data
        self._rows = rows
        self._photographer = photographer
        self._teacher = teacher
        self._preprocessing = preprocessing
        self._labels = data.labels[rows]
        self._said: FloatArray = np.concatenate(
            [
                embed(teacher, data.prepared(block, preprocessing), preprocessing)
                for block in np.array_split(rows, max(1, len(rows) // 256))
            ]
        )
        self._members = {
            int(label): np.flatnonzero(self._labels == label) for label in np.unique(self._labels)
        }
        self._sampler = NeighbourSampler(self._said, self._labels, pairs)
        self.steps = max(1, round(photographs / self._sampler.batch_size))

    def epoch(self, seed: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield `steps` batches for `PairLoss`.

        Images `(2n + r, 3, S, S) float32`, normalised: pictures, a photograph of each, and r mild
        photographs; the pictures' labels `(n,) int64`; and `(n + r, dim) float32`, what the teacher
        says of the pictures and of the mild photographs.
        """
        random = np.random.default_rng(seed)
        for chosen in self._sampler.batches(self.steps, seed):
            pictures = self._data.prepared(self._rows[chosen], self._preprocessing)
            shown = [self._shown_for(row, random) for row in chosen]
            mild = random.choice(chosen, max(1, round(len(chosen) * _REMEMBERED)))
            strengths = [strength for _, strength in shown] + list(
                random.uniform(0, _MILD, len(mild))
            )
            rows = np.concatenate([[row for row, _ in shown], mild])
            seeds = random.integers(2**62, size=len(rows))
            made = self._photographer(rows, seeds, np.array(strengths, np.float32))
            photographs = scaled(made, self._preprocessing)
            further = photographs[len(chosen) :]
            yield (
                torch.cat([normalised(pictures, self._preprocessing).to(made.device), photographs]),
                torch.from_numpy(self._labels[chosen]),
                torch.cat([torch.from_numpy(self._said[chosen]), self._says(further)]),
            )

    def _shown_for(self, row: int, random: np.random.Generator) -> tuple[int, float]:
        """What the row is paired with, and the strength of its photograph: itself, or another
        picture of its class, which needs less."""
        members = self._members[int(self._labels[row])]
        if len(members) > 1 and random.random() < _OTHER_SHARE:
            return int(random.choice(members[members != row])), random.uniform(_MILD, 1)
        return int(row), 1.0

    def _says(self, images: Tensor) -> Tensor:
        device = next(self._teacher.parameters()).device
        with torch.inference_mode():
            found = functional.normalize(self._teacher(images.to(device)).float(), dim=1)
        return torch.from_numpy(found.cpu().numpy())

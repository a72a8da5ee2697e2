"""Batches of pictures and their synthetic photographs, alike ones together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from engine.backbones.preprocessing import Preprocessing
from engine.synthesis import Cutout, Split, synthesize
from engine.training.embedding import embed
from engine.training.pictures import Cutouts, LabelledPictures, normalised
from engine.training.samplers import NeighbourSampler
from engine.types import ByteArray, FloatArray, IntArray

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


class PhotographBatches:
    """Pictures, a photograph of each, and some photographs to remember what the teacher says of.

    Args:
        data: the pictures.
        rows: `(m,) int64`, those to draw from.
        scenery: what their photographs show besides.
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
        cutouts: Cutouts,
        scenery: Scenery,
        teacher: nn.Module,
        preprocessing: Preprocessing,
        *,
        pairs: int,
        photographs: int,
    ) -> None:
        self._data = data
        self._rows = rows
        self._cutouts = cutouts
        self._scenery = scenery
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
            photographs = [self._photograph_for(row, random) for row in chosen]
            mild = [
                self._photograph(row, random, random.uniform(0, _MILD))
                for row in random.choice(chosen, max(1, round(len(chosen) * _REMEMBERED)))
            ]
            further = np.stack(mild)
            pixels = np.concatenate([pictures, np.stack(photographs), further])
            said = [self._said[chosen], embed(self._teacher, further, self._preprocessing)]
            yield (
                normalised(pixels, self._preprocessing),
                torch.from_numpy(self._labels[chosen]),
                torch.from_numpy(np.concatenate(said)),
            )

    def _photograph_for(self, row: int, random: np.random.Generator) -> ByteArray:
        """A photograph of the row's picture, or of another one of its class, which needs less."""
        members = self._members[int(self._labels[row])]
        if len(members) > 1 and random.random() < _OTHER_SHARE:
            other = int(random.choice(members[members != row]))
            return self._photograph(other, random, random.uniform(_MILD, 1))
        return self._photograph(row, random, 1.0)

    def _photograph(self, row: int, random: np.random.Generator, strength: float) -> ByteArray:
        seed = int(random.integers(2**62))
        cutout = self._cutouts[self._rows[row]]
        return self._scenery.photograph(cutout, seed, self._preprocessing.image_size, strength)

"""The fixed recipe: the network for small glyphs, how it is trained, and its embedding.

Every choice here was made on background alphabets alone, six of them held out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from pytorch_metric_learning.losses import SupConLoss
from torch import Tensor, nn

from benchmarks.omniglot_data import Characters
from engine.training.distortion import Distortion, Pose, distort, view
from engine.training.loop import FitOutcome, FitSettings, Progress, fit
from engine.training.precision import dense_dtype
from engine.training.samplers import GroupedSampler
from engine.types import ByteArray, FloatArray, IntArray

INPUT = 40  # side of what the network sees, in pixels
DIMENSION = 256
STEPS = 400  # batches an epoch
BATCH = 256
CLASSES_PER_GROUP = 20
SETTINGS = FitSettings(epochs=25, learning_rate=2e-3, weight_decay=0.05, averaging=0.998)
TEMPERATURE = 0.1  # of the supervised contrastive loss (Khosla et al. 2020)
TURNS = 8  # four rotations, each plain and mirrored, are characters of their own
DISTORTION = Distortion(rotation=0.26, stretch=0.2, shear=0.3, shift=0.12, elastic=0.03, stroke=1.0)
POSES = (
    Pose(),
    Pose(rotation=0.12),
    Pose(rotation=-0.12),
    Pose(scale=0.9),
    Pose(scale=1.1),
    Pose(across=0.06),
    Pose(across=-0.06),
    Pose(down=0.06),
    Pose(down=-0.06),
)


class GlyphNetwork(nn.Sequential):
    """A plain convolutional network that keeps the layout of its last map.

    Maps `(n, 1, INPUT, INPUT) float32` to `(n, DIMENSION)`.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 256)) -> None:
        first, second, third, last = widths
        side = INPUT // 8
        super().__init__(
            *_convolution(1, first, kernel=4, stride=2),
            *_convolution(first, second),
            nn.MaxPool2d(2),
            *_convolution(second, third),
            *_convolution(third, third),
            nn.MaxPool2d(2),
            *_convolution(third, last),
            nn.Flatten(),
            nn.Linear(last * side * side, DIMENSION, bias=False),
            nn.BatchNorm1d(DIMENSION, affine=False),
        )
        self.to(memory_format=torch.channels_last)


def _convolution(
    channels: int, width: int, kernel: int = 3, stride: int = 1
) -> tuple[nn.Module, nn.Module, nn.Module]:
    return (
        nn.Conv2d(channels, width, kernel, stride, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )


class GlyphBatches:
    """Distorted glyphs, a few alphabets a batch, each all turned one way.

    Attributes:
        steps: batches an epoch.
    """

    def __init__(self, characters: Characters, steps: int) -> None:
        self.steps = steps
        self._glyphs = torch.from_numpy(characters.glyphs).unsqueeze(1)
        turned = np.arange(len(characters.glyphs) * TURNS)
        self._labels = characters.classes[turned // TURNS] * TURNS + turned % TURNS
        groups = characters.alphabets[turned // TURNS] * TURNS + turned % TURNS
        columns = characters.drawers[turned // TURNS]
        self._sampler = GroupedSampler(
            self._labels,
            groups,
            batch_size=BATCH,
            classes_per_group=CLASSES_PER_GROUP,
            columns=columns,
        )

    def epoch(self, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield `steps` batches `(n, 1, INPUT, INPUT) float32` and their labels `(n,) int64`."""
        generator = torch.Generator().manual_seed(seed)
        for rows in self._sampler.batches(self.steps, seed):
            glyphs = turn(self._glyphs[rows // TURNS].float() / 255, rows % TURNS)
            images = distort(glyphs, INPUT, DISTORTION, generator)
            yield scaled(images), torch.from_numpy(self._labels[rows])


def turn(glyphs: Tensor, turns: IntArray) -> Tensor:
    """Rotate each glyph by 90° times its turn, and mirror it first from 4 on."""
    turned = torch.empty_like(glyphs)
    for number in np.unique(turns):
        chosen = torch.from_numpy(turns == number)
        picked = glyphs[chosen]
        picked = picked.flip(3) if number >= 4 else picked
        turned[chosen] = torch.rot90(picked, int(number) % 4, dims=(2, 3))
    return turned


def scaled(images: Tensor) -> Tensor:
    """Ink and background around zero, laid out as the network's kernels are."""
    return (images * 3 - 0.3).contiguous(memory_format=torch.channels_last)


def embed_glyphs(network: nn.Module, glyphs: ByteArray, poses: tuple[Pose, ...]) -> FloatArray:
    """Mean of the unit embeddings of some poses: `(n, DIMENSION) float32`, unit rows.

    Args:
        glyphs: `(n, SIDE, SIDE) uint8` from `prepare_glyph`.
    """
    device = next(network.parameters()).device
    parts = []
    with torch.inference_mode():
        for start in range(0, len(glyphs), 500):
            batch = torch.from_numpy(glyphs[start : start + 500]).unsqueeze(1)
            total = torch.zeros(())
            for pose in poses:
                images = scaled(view(batch.float() / 255, INPUT, pose)).to(device)
                total = total + functional.normalize(network(images), dim=1).cpu()
            parts.append(functional.normalize(total, dim=1))
    embeddings: FloatArray = torch.cat(parts).numpy()
    return embeddings


def train(
    characters: Characters,
    *,
    seed: int,
    epochs: int,
    checkpoint: Path,
    on_progress: Callable[[Progress], None],
) -> tuple[GlyphNetwork, FitOutcome]:
    """Train a network from scratch on these characters, or go on where the checkpoint is."""
    torch.manual_seed(seed)
    network = GlyphNetwork()
    outcome = fit(
        network,
        SupConLoss(temperature=TEMPERATURE),
        GlyphBatches(characters, STEPS),
        replace(SETTINGS, seed=seed, epochs=epochs),
        on_progress=on_progress,
        checkpoint=checkpoint,
        dtype=_dtype(),
    )
    return network, outcome


def steps_a_second(characters: Characters) -> float:
    """How fast this machine trains, measured over a few steps."""
    network, loss = GlyphNetwork(), SupConLoss(temperature=TEMPERATURE)
    for steps in (2, 20):  # the first steps are slow everywhere
        started = time.perf_counter()
        fit(
            network,
            loss,
            GlyphBatches(characters, steps),
            FitSettings(epochs=1),
            dtype=_dtype(),
        )
    return 20 / (time.perf_counter() - started)


def _dtype() -> torch.dtype | None:
    return None if torch.cuda.is_available() else dense_dtype()

"""Networks run by torch, on any device."""

from __future__ import annotations

import copy
import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import nn

from ...types import ByteArray, FloatArray
from ..devices import LARGE_BATCH, SMALL_BATCH, is_card
from ..preprocessing import Preprocessing
from ..pretrained import Network
from .base import LEAST_COSINE, least_cosine

AT_ONCE = 2
"""Batches that a card has in hand: one is copied while the other runs."""

_log = logging.getLogger(__name__)


class Normalised(nn.Module):
    """A network that takes pictures as they are prepared: `(n, S, S, 3) uint8`."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, module: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.module = module
        std = torch.tensor(preprocessing.std).view(1, 3, 1, 1)
        self.register_buffer("mean", torch.tensor(preprocessing.mean).view(1, 3, 1, 1) * 255)
        self.register_buffer("scale", 1 / (std * 255))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        pixels = (batch.permute(0, 3, 1, 2).float() - self.mean) * self.scale
        features: torch.Tensor = self.module(pixels)
        return features


class InHalf(nn.Module):
    """A network whose weights are float16: it is given, and gives, float32."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.half()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.module(pixels.half())
        return features.float()


class TorchRuntime:
    """A network in channels-last layout, which is what prepared pictures are in already.

    On a card two threads of its own run what any thread asks for, each on a stream of its own and
    from pinned memory, so that one batch is copied while another runs.

    Args:
        network: what to run; it is moved to the device.
        device: as torch names it.
        threads: the most that torch, in all of this process, may use on the CPU; 0 leaves it alone.
        half: whether its weights are made float16, where that leaves its features as they are; by
            default on a card.
    """

    name = "torch"

    def __init__(
        self, network: Network, device: str, threads: int = 0, *, half: bool | None = None
    ) -> None:
        if threads:
            torch.set_num_threads(threads)
        half = is_card(device) if half is None else half
        pictures = _patterns(network.preprocessing.image_size) if half else None
        exact = None if pictures is None else _features(_placed(network, "cpu"), pictures)
        self.device = device
        self._module = _placed(network, device, half=half)
        self._card = _Card(device) if is_card(device) else None
        self.at_once = 1 if self._card is None else AT_ONCE
        if pictures is not None and exact is not None:
            self._check_half(network, self(pictures), exact)

    def __call__(self, batch: ByteArray) -> FloatArray:
        if self._card is None:
            return _features(self._module, batch)
        return self._card.run(self._module, batch)

    def _check_half(self, network: Network, found: FloatArray, exact: FloatArray) -> None:
        """Run it with float32 weights from now on if its numbers are too large for float16."""
        least = least_cosine(found, exact)
        if not least >= LEAST_COSINE:  # so that NaN fails too
            _log.warning(
                "the network runs with float32 weights: with float16 its features would have a "
                "cosine of %.6f only to those",
                least,
            )
            self._module = _placed(network, self.device)


def _placed(network: Network, device: str, *, half: bool = False) -> Normalised:
    """The network on a device, or a copy with float16 weights."""
    module = InHalf(copy.deepcopy(network.module)) if half else network.module
    placed = Normalised(module, network.preprocessing).eval().to(device)
    return placed.to(memory_format=torch.channels_last)


def _features(module: Normalised, batch: ByteArray, *, pinned: bool = False) -> FloatArray:
    with torch.inference_mode():
        pixels = torch.from_numpy(np.require(batch, requirements=["C", "W"]))
        if pinned:
            pixels = pixels.pin_memory()
        features = module(pixels.to(module.mean.device, non_blocking=True)).float().cpu()
    found: FloatArray = features.numpy()
    return found


def _patterns(side: int) -> ByteArray:
    """Squares of random colours, from a quarter of the side to a pixel: `(8, side, side, 3)`."""
    random = np.random.default_rng(0)
    made = []
    for number in range(8):
        across = min(side, 4 << number)
        colours = random.integers(0, 256, (across, across, 3), dtype=np.uint8)
        places = np.arange(side) * across // side
        made.append(colours[places][:, places])
    return np.stack(made)


class _Card:
    """Threads with a stream each, on which everything runs, in batches of few shapes.

    What cuDNN knows of a network it knows for one thread and one shape of batch, and finding it out
    takes seconds (2 to 3 for the default network on an H100), a hundred times as long as a batch.
    """

    def __init__(self, device: str) -> None:
        torch.cuda.synchronize(device)  # the weights are there, for whichever stream
        self._device = device
        self._threads = ThreadPoolExecutor(AT_ONCE, "onelook-card", self._take_stream)

    def run(self, module: Normalised, batch: ByteArray) -> FloatArray:
        """The features of a batch, found in one of the threads."""
        filled = _filled(batch)
        features = self._threads.submit(_features, module, filled, pinned=True).result()
        return features[: len(batch)]

    def _take_stream(self) -> None:
        stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        torch.cuda.set_stream(stream)


def _filled(batch: ByteArray) -> ByteArray:
    """The batch with black pictures behind, as many as make it one of a card's shapes."""
    size = SMALL_BATCH
    if len(batch) > SMALL_BATCH:
        size = -(-len(batch) // LARGE_BATCH) * LARGE_BATCH
    if len(batch) == size:
        return batch
    filled = np.zeros((size, *batch.shape[1:]), batch.dtype)
    filled[: len(batch)] = batch
    return filled

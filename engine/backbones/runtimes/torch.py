"""Networks run by torch, on any device."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import nn

from ...types import ByteArray, FloatArray
from ..devices import is_card
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
        self.device = device
        self._module = self._placed(network.module, network.preprocessing)
        self._card: _Card | None = None
        if is_card(device) if half is None else half:
            self._halve(network)
        if is_card(device):
            self._card = _Card(device)

    def __call__(self, batch: ByteArray) -> FloatArray:
        pixels = torch.from_numpy(np.require(batch, requirements=["C", "W"]))
        return self._run(pixels) if self._card is None else self._card.run(self._run, pixels)

    def _run(self, pixels: torch.Tensor) -> FloatArray:
        with torch.inference_mode():
            if self._card is not None:
                pixels = pixels.pin_memory()
            features = self._module(pixels.to(self.device, non_blocking=True)).float().cpu()
        found: FloatArray = features.numpy()
        return found

    def _placed(self, module: nn.Module, preprocessing: Preprocessing) -> nn.Module:
        placed = Normalised(module, preprocessing).eval().to(self.device)
        return placed.to(memory_format=torch.channels_last)

    def _halve(self, network: Network) -> None:
        """Run it with float16 weights from now on, unless its numbers are too large for them."""
        pictures = _patterns(network.preprocessing.image_size)
        exact, whole = self(pictures), self._module
        self._module = self._placed(InHalf(copy.deepcopy(network.module)), network.preprocessing)
        least = least_cosine(self(pictures), exact)
        if not least >= LEAST_COSINE:  # so that NaN fails too
            _log.warning(
                "the network runs with float32 weights: with float16 its features would have a "
                "cosine of %.6f only to those",
                least,
            )
            self._module = whole


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
    """Threads with a stream each, on which everything runs.

    What cuDNN knows of a network it knows for one thread and one shape of batch, and to find it out
    takes many times as long as a batch: with threads that come and go a card is mostly idle.
    """

    def __init__(self, device: str) -> None:
        torch.cuda.synchronize(device)  # the weights are there, for whichever stream
        self._device = device
        self._threads = ThreadPoolExecutor(AT_ONCE, "onelook-card", self._take_stream)

    def run(self, work: Callable[[torch.Tensor], FloatArray], pixels: torch.Tensor) -> FloatArray:
        """What `work` makes of a batch, in one of the threads."""
        return self._threads.submit(work, pixels).result()

    def _take_stream(self) -> None:
        stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        torch.cuda.set_stream(stream)

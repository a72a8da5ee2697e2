"""Networks run by torch, on any device."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ...types import ByteArray, FloatArray
from ..preprocessing import Preprocessing
from ..pretrained import Network


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
        pixels = batch.permute(0, 3, 1, 2).float()
        features: torch.Tensor = self.module((pixels - self.mean) * self.scale)
        return features


class TorchRuntime:
    """A network in channels-last layout, which is what prepared pictures are in already.

    Args:
        network: what to run; it is moved to the device.
        device: as torch names it.
        threads: the most that torch, in all of this process, may use on the CPU; 0 leaves it alone.
    """

    name = "torch"

    def __init__(self, network: Network, device: str, threads: int = 0) -> None:
        if threads:
            torch.set_num_threads(threads)
        self.device = device
        module = Normalised(network.module, network.preprocessing).eval()
        self._module = module.to(device).to(memory_format=torch.channels_last)

    def __call__(self, batch: ByteArray) -> FloatArray:
        with torch.inference_mode():
            pixels = torch.from_numpy(np.require(batch, requirements=["C", "W"])).to(self.device)
            features: FloatArray = self._module(pixels).float().cpu().numpy()
        return features

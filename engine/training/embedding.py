"""Embedding prepared pictures with a network that is being trained, or was."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import nn

from ..backbones.preprocessing import Preprocessing
from ..types import ByteArray, FloatArray
from .pictures import normalised

_BATCH = 64


def embed(network: nn.Module, pixels: ByteArray, preprocessing: Preprocessing) -> FloatArray:
    """`(n, dim) float32`, unit rows, of `(n, S, S, 3) uint8`."""
    device = next(network.parameters()).device
    parts = []
    with torch.inference_mode():
        for start in range(0, len(pixels), _BATCH):
            images = normalised(pixels[start : start + _BATCH], preprocessing)
            parts.append(functional.normalize(network(images.to(device)).float(), dim=1).cpu())
    embeddings: FloatArray = torch.cat(parts).numpy()
    return embeddings

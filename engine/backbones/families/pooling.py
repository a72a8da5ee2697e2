"""Pooling of a network's last feature map."""

from __future__ import annotations

import torch
from torch import nn

_LEAST = 1e-12  # keeps the gradient of a channel that is silent everywhere finite


class RootMeanSquare(nn.Module):
    """`(n, c, h, w)` to `(n, c)`: generalised-mean pooling with exponent 2, in full precision.

    Between the mean, which asks how much of a picture shows something, and the maximum, which asks
    whether any of it does (Radenović et al., "Fine-tuning CNN Image Retrieval with No Human
    Annotation", 2018).
    """

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return (features.float().square().mean((2, 3)) + _LEAST).sqrt()

"""How fast what is learned, and what is kept: rates, weight decay, averaged weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def one_cycle(progress: float, warmup: float) -> float:
    """Learning rate at `progress` in [0, 1], as a share of its peak.

    Linear to 1 over the warm-up, then half a cosine down to nearly 0 (Smith and Topin 2018).
    """
    if progress < warmup:
        return progress / warmup
    return 0.002 + 0.499 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay goes to kernels and matrices; biases and norms get none."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {
            "params": [parameter for parameter in trained if parameter.ndim > 1],
            "weight_decay": weight_decay,
        },
        {
            "params": [parameter for parameter in trained if parameter.ndim <= 1],
            "weight_decay": 0.0,
        },
    ]
    return [group for group in groups if group["params"]]


def moving_average(decay: float) -> Callable[[Any, Any, Any], None]:
    """An exponential moving average that forgets its start: its decay grows to the given one."""

    @torch.no_grad()
    def update(averaged: Any, current: Any, count: Any) -> None:
        seen = float(count)
        weight = 1 - min(decay, seen / (seen + 20))
        for kept, new in zip(averaged, current, strict=True):
            if kept.is_floating_point():
                kept.lerp_(new, weight)
            else:
                kept.copy_(new)

    return update


def interpolated(
    base: Mapping[str, Tensor], tuned: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Weights part of the way from a network's to those it was tuned to.

    Wortsman et al., *Robust fine-tuning of zero-shot models*, 2022 (WiSE-FT): often better than
    both ends, on what was trained and on what was not.

    Args:
        share: 0 gives the base's, 1 the tuned ones.
    """
    return {
        name: torch.lerp(base[name], value, share) if value.is_floating_point() else value
        for name, value in tuned.items()
    }

"""Which number format a training step runs in."""

from __future__ import annotations

import torch


def training_dtype(device: torch.device) -> torch.dtype:
    """The fastest format that is safe for the multiplications of a training step.

    Half precision pays only where the hardware multiplies it: bfloat16 on recent GPUs and on CPUs
    with matrix units (AMX), float16 on older GPUs. Elsewhere it is slower than float32, on CPUs
    by an order of magnitude.
    """
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    if device.type == "cpu" and _has_matrix_units():
        return torch.bfloat16
    return torch.float32


def mixed(device: torch.device) -> torch.autocast:
    """The autocast context of a forward pass on that device; does nothing in float32."""
    dtype = training_dtype(device)
    return torch.autocast(device.type, dtype, enabled=dtype is not torch.float32)


def _has_matrix_units() -> bool:
    probe = getattr(torch.cpu, "_is_amx_tile_supported", None)  # torch names no public one
    return bool(probe and probe())

"""Which number format a training step multiplies in."""

from __future__ import annotations

import torch


def default_dtype(device: torch.device) -> torch.dtype:
    """Half precision on GPUs, bfloat16 where they have it; float32 elsewhere.

    On CPUs half precision is no safe choice: without matrix units it is slower by an order of
    magnitude, and with them (AMX) it still is for networks of depthwise convolutions.
    """
    if device.type != "cuda":
        return torch.float32
    native = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native else torch.float16


def dense_dtype() -> torch.dtype:
    """The fastest format for networks of dense convolutions on this machine's CPU.

    With matrix units (AMX) bfloat16 trains them some two and a half times as fast as float32, with
    AVX-512's bfloat16 products half as fast again; elsewhere it is far slower.
    """
    # torch names no public ones
    probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    native = any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)
    return torch.bfloat16 if native else torch.float32

"""Where a network may run, told without loading torch wherever it can be."""

from __future__ import annotations

import ctypes.util
import platform
from pathlib import Path

from ..errors import BackboneError, MissingPackageError
from ..slim import needing

_DEVICES = ("auto", "cpu", "cuda", "mps")
SMALL_BATCH, LARGE_BATCH = 32, 256
"""A card runs batches of this many pictures, or of a multiple of that many: one of 32 leaves most
of it idle."""

_NVIDIA_DRIVER = (Path("/dev/nvidiactl"), Path("/dev/dxg"))  # Linux; Windows' subsystem for it


def is_cpu(device: str) -> bool:
    """Whether the device is certainly the CPU. `auto` is, on a machine without an accelerator.

    Raises:
        BackboneError: there is no such kind of device.
    """
    if device.partition(":")[0] not in _DEVICES:
        raise BackboneError(f"expected a device of {', '.join(_DEVICES)} but got {device!r}")
    return device == "cpu" or (device == "auto" and not _may_have_accelerator())


def is_card(device: str) -> bool:
    """Whether the device, as torch names it, is a CUDA card, which wants large batches."""
    return device.partition(":")[0] == "cuda"


def _may_have_accelerator() -> bool:
    if platform.system() == "Linux":
        return any(path.exists() for path in _NVIDIA_DRIVER)
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    return ctypes.util.find_library("nvcuda") is not None


def torch_device(device: str) -> str:
    """The device that `auto` stands for: CUDA, then Apple's MPS, then the CPU. Loads torch.

    Without torch, which alone can use an accelerator, `auto` is the CPU.

    Raises:
        BackboneError: the device named isn't there.
        MissingPackageError: a device is named, and torch isn't installed.
    """
    try:
        with needing(f"the device {device!r}"):
            import torch
    except MissingPackageError:
        if device == "auto":
            return "cpu"
        raise

    usable = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        return next(kind for kind, is_usable in usable.items() if is_usable)
    if not usable[device.partition(":")[0]]:
        present = ", ".join(kind for kind, is_usable in usable.items() if is_usable)
        raise BackboneError(f"torch can't use the device {device!r} here; it can use {present}")
    return device

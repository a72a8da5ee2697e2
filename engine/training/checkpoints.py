"""Checkpoints that survive a kill at any moment.

A checkpoint is written beside its target, flushed to the disk and renamed over it, so that the
file of that name is always a whole one: the new or the one before. It holds tensors, numbers,
strings and containers of them only, and is read with `weights_only=True`, so that a checkpoint
from elsewhere can't run code.
"""

from __future__ import annotations

import os
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from ..durability import sync_folder
from ..errors import TrainingError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state` to `path`, atomically and durably.

    Raises:
        TrainingError: the folder can't be written.
    """
    aside = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise TrainingError(f"{path}: the checkpoint can't be written: {error}") from error


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The state saved at `path`, on the CPU, or None when there is none yet.

    Raises:
        TrainingError: the file is there but isn't a checkpoint.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        raise TrainingError(
            f"{path}: expected a training checkpoint, but it can't be read ({error}); "
            "remove it to train from the start"
        ) from error
    if not isinstance(state, dict):
        raise TrainingError(
            f"{path}: expected a training checkpoint, but got a {type(state).__name__}; "
            "remove it to train from the start"
        )
    return state

"""Checkpoints and a cache that the backbone tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

torch.set_num_threads(1)  # its threads spin, which on a busy machine costs more than they give

TINY = "test_vit"  # a model of timm's own tests: 160 pixels, 64 numbers, 371,000 weights


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of exported networks, so that each is exported once in all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def tiny_model() -> torch.nn.Module:
    """timm's tiny vision transformer with its head and random weights."""
    torch.manual_seed(0)
    return timm.create_model(TINY, pretrained=False).eval()


@pytest.fixture(scope="session")
def tiny_checkpoint(tiny_model: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its weights as a safetensors file."""
    path = tmp_path_factory.mktemp("checkpoints") / "tiny.safetensors"
    save_file(tiny_model.state_dict(), path)
    return path

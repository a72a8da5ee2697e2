"""Checkpoints and a cache that the backbone tests share."""

from __future__ import annotations

import json
from pathlib import Path

import open_clip
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


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> torch.nn.Module:
    """An OpenCLIP model with random weights, small and registered as `tiny-clip`."""
    config = {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16},
        "text_cfg": {"context_length": 8, "vocab_size": 32, "width": 32, "heads": 2, "layers": 1},
    }
    folder = tmp_path_factory.mktemp("configurations")
    (folder / "tiny-clip.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)
    torch.manual_seed(0)
    return open_clip.create_model("tiny-clip").eval()


@pytest.fixture(scope="session")
def tiny_clip_checkpoint(
    tiny_clip: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Its weights as OpenCLIP's training saves them."""
    path = tmp_path_factory.mktemp("checkpoints") / "epoch_1.pt"
    torch.save({"epoch": 1, "state_dict": tiny_clip.state_dict()}, path)
    return path

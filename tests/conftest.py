"""Fixtures that several suites share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from engine.backbones import Backbone, load_backbone
from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone

# Networks exported by the tests stay beside the repository's other caches, not in the user's.
os.environ.setdefault("ONELOOK_CACHE_DIR", str(Path(__file__).parents[1] / ".cache" / "onelook"))

# No test is timed: a busy machine must not make one fail.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

if TYPE_CHECKING:
    import torch

MakePicture = Callable[..., Path]


def quarters(seed: int, size: int = 32) -> Image.Image:
    """A picture of four random colours, which the fake backbone tells from any other's."""
    colours = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), dtype=np.uint8)
    return Image.fromarray(colours.repeat(size // 2, axis=0).repeat(size // 2, axis=1))


@pytest.fixture
def make_picture(tmp_path: Path) -> MakePicture:
    """Write picture number `seed` to a path below the test's folder."""

    def make(name: str, seed: int, size: int = 32) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        quarters(seed, size).save(path)
        return path

    return make


@pytest.fixture
def recognizer(tmp_path: Path) -> Iterator[Recognizer]:
    """A recogniser over an empty gallery, with the fake backbone."""
    with Recognizer.open(tmp_path / "g.gallery", create=True, backbone=FakeBackbone()) as opened:
        yield opened


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> torch.nn.Module:
    """An OpenCLIP model with random weights, small and registered as `tiny-clip`.

    It knows OpenCLIP's whole vocabulary, and nothing of what it means.
    """
    import open_clip
    import torch

    torch.set_num_threads(1)  # its threads spin, which on a busy machine costs more than they give
    text = {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    vision = {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16}
    folder = tmp_path_factory.mktemp("configurations")
    (folder / "tiny-clip.json").write_text(
        json.dumps({"embed_dim": 24, "vision_cfg": vision, "text_cfg": text})
    )
    open_clip.add_model_config(folder)
    torch.manual_seed(0)
    return open_clip.create_model("tiny-clip").eval()


@pytest.fixture(scope="session")
def tiny_clip_checkpoint(
    tiny_clip: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Its weights as OpenCLIP's training saves them."""
    import torch

    path = tmp_path_factory.mktemp("checkpoints") / "epoch_1.pt"
    torch.save({"epoch": 1, "state_dict": tiny_clip.state_dict()}, path)
    return path


@pytest.fixture(scope="session")
def clip(tiny_clip_checkpoint: Path) -> Backbone:
    """It as a backbone, which knows texts."""
    name = f"open_clip:tiny-clip@{tiny_clip_checkpoint}"
    return load_backbone(name, device="cpu", runtime="torch", threads=1)


class Held:
    """Stands for a context manager without a value; how many are inside it now."""

    now = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self.now += 1
        try:
            yield
        finally:
            self.now -= 1

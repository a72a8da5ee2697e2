"""Fixtures that several suites share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from engine.recognizer import Recognizer
from engine.testing.fake_backbone import FakeBackbone

# Networks exported by the tests stay beside the repository's other caches, not in the user's.
os.environ.setdefault("ONELOOK_CACHE_DIR", str(Path(__file__).parents[1] / ".cache" / "onelook"))

# No test is timed: a busy machine must not make one fail.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

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

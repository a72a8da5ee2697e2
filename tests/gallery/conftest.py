"""Galleries of hand-made vectors: no picture is embedded here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.gallery import Gallery
from engine.types import NewExample, Space

SPACE = Space("made by hand", "w" * 64, "p" * 64, 8)
MakeExample = Callable[..., NewExample]


def unit(seed: int, dimension: int = SPACE.dimension) -> np.ndarray:
    """Unit vector number `seed`."""
    vector = np.random.default_rng(seed).normal(size=dimension).astype(np.float32)
    return vector / np.linalg.norm(vector)


def example(label: str, seed: int, **given: object) -> NewExample:
    """Example number `seed` of a class, from a file named by label and number."""
    values: dict[str, object] = {
        "label": label,
        "source": f"/pictures/{label}/{seed}.jpg",
        "content_hash": hashlib.sha256(str(seed).encode()).hexdigest(),
        "width": 4,
        "height": 3,
        "vector": unit(seed),
        "picture": None,
        **given,
    }
    return NewExample(**values)  # type: ignore[arg-type]


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with Gallery.create(tmp_path / "g.gallery", space=SPACE, poll_seconds=0.0) as made:
        yield made

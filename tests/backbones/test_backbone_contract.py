"""Every backbone keeps the contract, with every runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.backbones import Backbone, load_backbone
from engine.testing.backbone_contract import BackboneContract

NAMES = {
    "fake": "fake",
    "onelook": "onelook-lite0",
    "lite": "efficientnet-lite0",
    "timm": "timm:test_vit@{tiny_checkpoint}",
    "open_clip": "open_clip:tiny-clip@{tiny_clip_checkpoint}",
}
CASES = [("fake", "auto")]
CASES += [(kind, runtime) for kind in list(NAMES)[1:] for runtime in ("torch", "onnxruntime")]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def backbone(
    request: pytest.FixtureRequest,
    cache_dir: Path,
    tiny_checkpoint: Path,
    tiny_clip_checkpoint: Path,
) -> Backbone:
    kind, runtime = request.param
    name = NAMES[kind].format(
        tiny_checkpoint=tiny_checkpoint, tiny_clip_checkpoint=tiny_clip_checkpoint
    )
    return load_backbone(name, device="cpu", runtime=runtime, threads=1, cache_dir=cache_dir)


class TestEveryBackbone(BackboneContract):
    """Run once for each of the cases."""

"""Pretrained networks without their heads: a prepared picture -> raw features."""

from __future__ import annotations

from engine.backbones.base import Backbone
from engine.backbones.preprocessing import Preprocessing
from engine.errors import BackboneError

__all__ = ["DEFAULT_BACKBONE", "Backbone", "Preprocessing", "available_backbones", "load_backbone"]

DEFAULT_BACKBONE = "efficientnet-lite0"


def available_backbones() -> tuple[str, ...]:
    """Names that `load_backbone` takes; a part in capitals stands for what the user chooses."""
    return (
        "efficientnet-lite0",
        "efficientnet-lite1",
        "efficientnet-lite2",
        "open_clip:MODEL/TAG",
        "timm:NAME",
    )


def load_backbone(
    name: str = DEFAULT_BACKBONE, *, device: str = "auto", runtime: str = "auto"
) -> Backbone:
    """Loads a backbone by its name."""
    family, _, rest = name.partition(":")
    if family == "fake":
        from engine.testing.fake_backbone import FakeBackbone

        return FakeBackbone(int(rest or 0))
    raise BackboneError(f"expected one of {', '.join(available_backbones())} but got {name!r}")

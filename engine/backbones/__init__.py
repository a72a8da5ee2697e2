"""Pretrained networks without their heads: a prepared picture -> raw features.

Importing this loads no heavy library; loading a backbone does.
"""

from __future__ import annotations

from engine.backbones.base import Backbone
from engine.backbones.load import export_backbone, is_exported, load_backbone
from engine.backbones.names import DEFAULT_BACKBONE, advice_on, available_backbones
from engine.backbones.preprocessing import Preprocessing

__all__ = [
    "DEFAULT_BACKBONE",
    "Backbone",
    "Preprocessing",
    "advice_on",
    "available_backbones",
    "export_backbone",
    "is_exported",
    "load_backbone",
]

"""Pretrained networks without their heads: a prepared picture -> raw features.

Importing this loads no heavy library; loading a backbone does.
"""

from __future__ import annotations

from .base import Backbone
from .load import export_backbone, is_exported, load_backbone, require_texts
from .names import DEFAULT_BACKBONE, advice_on, available_backbones
from .preprocessing import Preprocessing

__all__ = [
    "DEFAULT_BACKBONE",
    "Backbone",
    "Preprocessing",
    "advice_on",
    "available_backbones",
    "export_backbone",
    "is_exported",
    "load_backbone",
    "require_texts",
]

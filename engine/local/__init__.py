"""Local features: points of a picture that a camera finds again, and where one picture lies in
another.

    picture --LocalExtractor--> LocalFeatures --CodedFeatures.of--> stored, 40 bytes a point
    LocalQuery, CodedFeatures --find--> LocalMatch: how surely, where, how much of it
"""

from __future__ import annotations

from engine.local.base import (
    ENROLLED_LONG_SIDE,
    QUERY_LONG_SIDE,
    LocalExtractor,
    LocalFeatures,
)
from engine.local.coding import MOST_POINTS, CodedFeatures
from engine.local.outlines import inside, shared
from engine.local.verifying import LocalQuery, find
from engine.local.views import QueryView, default_extractor
from engine.types import LocalMatch

__all__ = [
    "ENROLLED_LONG_SIDE",
    "MOST_POINTS",
    "QUERY_LONG_SIDE",
    "CodedFeatures",
    "LocalExtractor",
    "LocalFeatures",
    "LocalMatch",
    "LocalQuery",
    "QueryView",
    "default_extractor",
    "find",
    "inside",
    "shared",
]

"""Local features: points of a picture that a camera finds again, and where one picture lies in
another.

    picture --LocalExtractor--> LocalFeatures --CodedFeatures.of--> stored, 40 bytes a point
    LocalQuery, CodedFeatures --find--> LocalMatch: how surely, where, how much of it
"""

from __future__ import annotations

from ..types import LocalMatch
from .base import (
    ENROLLED_LONG_SIDE,
    QUERY_LONG_SIDE,
    LocalExtractor,
    LocalFeatures,
)
from .coding import MOST_POINTS, CodedFeatures
from .differing import leaning
from .outlines import inside, of_one_thing, shared
from .verifying import LocalQuery, find
from .views import QueryView, default_extractor, grey_view

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
    "grey_view",
    "inside",
    "leaning",
    "of_one_thing",
    "shared",
]

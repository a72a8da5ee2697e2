"""Galleries: enrolled classes, their examples and the index over them."""

from .deciding.decisions import CANDIDATES, class_thresholds, decide_queries, nearest
from .deciding.verifying import in_each_other, verify_embeddings, verify_features
from .gallery import Gallery
from .location import GalleryFolder, GalleryLocation, location_of
from .parts.writing import Listing, raise_reject
from .snapshot import Snapshot

__all__ = [
    "CANDIDATES",
    "Gallery",
    "GalleryFolder",
    "GalleryLocation",
    "Listing",
    "Snapshot",
    "class_thresholds",
    "decide_queries",
    "in_each_other",
    "location_of",
    "nearest",
    "raise_reject",
    "verify_embeddings",
    "verify_features",
]

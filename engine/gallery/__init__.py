"""Galleries: enrolled classes, their examples and the index over them."""

from engine.gallery.deciding.decisions import CANDIDATES, class_thresholds, decide_queries
from engine.gallery.deciding.verifying import verify_embeddings
from engine.gallery.gallery import Gallery
from engine.gallery.location import GalleryFolder, GalleryLocation, location_of
from engine.gallery.parts.writing import Listing, raise_reject
from engine.gallery.snapshot import Snapshot

__all__ = [
    "CANDIDATES",
    "Gallery",
    "GalleryFolder",
    "GalleryLocation",
    "Listing",
    "Snapshot",
    "class_thresholds",
    "decide_queries",
    "location_of",
    "raise_reject",
    "verify_embeddings",
]

"""Galleries: enrolled classes, their examples and the index over them."""

from engine.gallery.deciding import CANDIDATES, class_thresholds, decide_queries
from engine.gallery.gallery import Gallery
from engine.gallery.location import GalleryFolder, GalleryLocation, parse_location
from engine.gallery.verifying import verify_embeddings
from engine.gallery.view import View
from engine.gallery.writing import Listing, raise_reject

__all__ = [
    "CANDIDATES",
    "Gallery",
    "GalleryFolder",
    "GalleryLocation",
    "Listing",
    "View",
    "class_thresholds",
    "decide_queries",
    "parse_location",
    "raise_reject",
    "verify_embeddings",
]

"""The transactional store behind a gallery, over SQLAlchemy."""

from engine.catalog.database import shown_location
from engine.catalog.labels import normalised_label
from engine.catalog.reading import Reader
from engine.catalog.records import (
    Commit,
    Counts,
    GalleryState,
    StatisticsTable,
    StoredProjection,
    VectorBatch,
)
from engine.catalog.store import Catalog
from engine.catalog.writing import WriteTransaction

__all__ = [
    "Catalog",
    "Commit",
    "Counts",
    "GalleryState",
    "Reader",
    "StatisticsTable",
    "StoredProjection",
    "VectorBatch",
    "WriteTransaction",
    "normalised_label",
    "shown_location",
]

"""The transactional store behind a gallery, over SQLAlchemy."""

from .database import shown_location
from .labels import normalised_label
from .reading import CatalogReader
from .records import (
    Commit,
    Counts,
    GalleryState,
    StatisticsTable,
    StoredProjection,
    VectorBatch,
)
from .store import Catalog
from .writing import WriteTransaction

__all__ = [
    "Catalog",
    "CatalogReader",
    "Commit",
    "Counts",
    "GalleryState",
    "StatisticsTable",
    "StoredProjection",
    "VectorBatch",
    "WriteTransaction",
    "normalised_label",
    "shown_location",
]

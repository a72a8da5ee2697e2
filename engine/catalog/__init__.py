"""The transactional store behind a gallery, over SQLAlchemy.

What reads and writes through it (`reading`, `writing`) is imported when a catalog is first asked
for more than its tables whole: see `engine.catalog.whole`.
"""

from .database import shown_location
from .labels import names_file, normalised_label
from .records import (
    Commit,
    Counts,
    GalleryState,
    StatisticsTable,
    StoredProjection,
    VectorBatch,
)
from .store import Catalog

__all__ = [
    "Catalog",
    "Commit",
    "Counts",
    "GalleryState",
    "StatisticsTable",
    "StoredProjection",
    "VectorBatch",
    "names_file",
    "normalised_label",
    "shown_location",
]

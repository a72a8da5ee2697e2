"""The map from a backbone's embeddings to the space that is searched."""

from .linear import Projection
from .shipped import shipped_cohort, shipped_projection

__all__ = ["Projection", "shipped_cohort", "shipped_projection"]

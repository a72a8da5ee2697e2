"""The map from a backbone's embeddings to the space that is searched."""

from engine.projections.linear import Projection
from engine.projections.shipped import shipped_cohort, shipped_projection

__all__ = ["Projection", "shipped_cohort", "shipped_projection"]

"""Histograms for the page."""

from __future__ import annotations

import numpy as np

from ..decision.scores import Float64Array
from .schemas import HistogramOut

BINS = 32


def histogram(values: Float64Array, beside: Float64Array | None = None) -> HistogramOut:
    """Counts of `values (n,)` in equal bins; empty where there are no values.

    Args:
        beside: other values, whose histogram is to have the same bins.
    """
    if not values.size:
        return HistogramOut(edges=[], counts=[])
    everything = values if beside is None else np.concatenate([values, beside])
    counts, edges = np.histogram(values, BINS, (everything.min(), everything.max()))
    return HistogramOut(edges=edges.tolist(), counts=counts.tolist())

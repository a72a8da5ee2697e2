"""Histograms for the page."""

from __future__ import annotations

import numpy as np

from engine.decision.scores import Float64Array
from engine.server.schemas import HistogramOut

BINS = 32


def histogram(values: Float64Array) -> HistogramOut:
    """Counts of `values (n,)` in equal bins; empty where there are no values."""
    if not values.size:
        return HistogramOut(edges=[], counts=[])
    counts, edges = np.histogram(values, BINS)
    return HistogramOut(edges=edges.tolist(), counts=counts.tolist())

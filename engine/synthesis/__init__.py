"""Synthetic photographs of a catalog picture: for training, calibrating and judging.

Nothing here needs torch, `engine.synthesis.batches` apart.
"""

from __future__ import annotations

from .cutouts import Cutout, cut_out
from .photographs import SIZE, SyntheticPhotograph, synthesize
from .surfaces import Split

__all__ = ["SIZE", "Cutout", "Split", "SyntheticPhotograph", "cut_out", "synthesize"]

"""Synthetic photographs of a catalog picture: for training, calibrating and judging.

Nothing here needs torch, `engine.synthesis.batches` apart.
"""

from __future__ import annotations

from engine.synthesis.cutouts import Cutout, cut_out
from engine.synthesis.photographs import SIZE, SyntheticPhotograph, synthesize
from engine.synthesis.surfaces import Split

__all__ = ["SIZE", "Cutout", "Split", "SyntheticPhotograph", "cut_out", "synthesize"]

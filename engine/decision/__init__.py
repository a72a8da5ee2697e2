"""From ranked candidates to a decision: scores, thresholds and the rule that joins them."""

from .calibration import Calibration
from .rule import (
    AMBIGUOUS_MARGIN,
    SAME_PICTURE,
    Evidence,
    Verdicts,
    judged,
    off_scale,
    on_scale,
    padded,
    thresholds,
)
from .scores import (
    NEIGHBOURS,
    PICTURES,
    TEXTS,
    Moments,
    Scale,
    leads,
    moments,
    normalized_scores,
    scores_against,
)

__all__ = [
    "AMBIGUOUS_MARGIN",
    "NEIGHBOURS",
    "PICTURES",
    "SAME_PICTURE",
    "TEXTS",
    "Calibration",
    "Evidence",
    "Moments",
    "Scale",
    "Verdicts",
    "judged",
    "leads",
    "moments",
    "normalized_scores",
    "off_scale",
    "on_scale",
    "padded",
    "scores_against",
    "thresholds",
]

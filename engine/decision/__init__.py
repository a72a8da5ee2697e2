"""From ranked candidates to a decision: scores, thresholds and the rule that joins them."""

from .calibration import Calibration
from .rule import (
    AMBIGUOUS_MARGIN,
    SAME_PICTURE,
    Evidence,
    Verdict,
    judged,
    off_scale,
    on_scale,
    threshold,
)
from .scores import (
    NEIGHBOURS,
    PICTURES,
    TEXTS,
    Moments,
    Scale,
    highest,
    moments,
    normalized,
    normalized_first,
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
    "Verdict",
    "highest",
    "judged",
    "moments",
    "normalized",
    "normalized_first",
    "off_scale",
    "on_scale",
    "threshold",
]

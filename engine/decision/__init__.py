"""From ranked candidates to a decision: scores, thresholds and the rule that joins them."""

from engine.decision.calibration import Calibration
from engine.decision.rule import AMBIGUOUS_MARGIN, Evidence, computed_threshold, decide
from engine.decision.scores import NEIGHBOURS, Moments, leads, moments, normalized_scores

__all__ = [
    "AMBIGUOUS_MARGIN",
    "NEIGHBOURS",
    "Calibration",
    "Evidence",
    "Moments",
    "computed_threshold",
    "decide",
    "leads",
    "moments",
    "normalized_scores",
]

"""The decision rule: only the nearest class is tested, against its own threshold.

A class's threshold is `μ_class + level · σ_class`, with the calibration's level. The score tested
against it is the normalised score, put back on that class's scale; either may be above 1:

    score = μ_class + z · σ_class        (so  score ≥ threshold  exactly when  z ≥ level)

An enrolled picture itself is always recognised: from the similarity `SAME_PICTURE` on, the score is
no less than the similarity and the computed threshold. A threshold pinned by the user takes the
place of the computed one.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.types import Candidate, Decision, Reason

AMBIGUOUS_MARGIN = 0.02
"""A runner-up within this similarity of the nearest class can't be told apart from it."""

SAME_PICTURE = 0.999
"""From this similarity on, two pictures are the same one."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the decision about one query rests on.

    Attributes:
        source: the query, as text.
        candidates: the nearest classes, most similar first.
        normalized_score: AS-norm of the nearest class's similarity.
        class_mean, class_std: of the nearest class's similarities to its nearest impostors.
        pinned_threshold: set by the user for the nearest class.
    """

    source: str
    candidates: tuple[Candidate, ...]
    normalized_score: float = 0.0
    class_mean: float = 0.0
    class_std: float = 1.0
    pinned_threshold: float | None = None


def computed_threshold(class_mean: float, class_std: float, level: float) -> float:
    """The threshold of a class that has no pinned one."""
    return class_mean + level * class_std


def decide(
    evidence: Evidence, *, level: float, space: str, calibration: str, shown: int
) -> Decision:
    """Apply the rule.

    Args:
        level: the least normalised score that is accepted.
        space: id of the searched space.
        calibration: what the level rests on, one phrase.
        shown: how many of the candidates the decision lists.
    """
    if not evidence.candidates:
        return Decision(
            source=evidence.source,
            label=None,
            reason=Reason.EMPTY_GALLERY,
            similarity=None,
            score=None,
            threshold=None,
            margin=None,
            ambiguous=False,
            candidates=(),
            space=space,
            calibration=calibration,
        )
    nearest = evidence.candidates[0]
    score = evidence.class_mean + evidence.normalized_score * evidence.class_std
    same_picture = nearest.similarity >= SAME_PICTURE
    if same_picture:
        score = max(score, nearest.similarity)
    threshold = evidence.pinned_threshold
    if threshold is None:
        threshold = computed_threshold(evidence.class_mean, evidence.class_std, level)
        score = max(score, threshold) if same_picture else score
    accepted = score >= threshold
    runner_up = evidence.candidates[1] if len(evidence.candidates) > 1 else None
    margin = nearest.similarity - runner_up.similarity if runner_up else None
    return Decision(
        source=evidence.source,
        label=nearest.label if accepted else None,
        reason=Reason.ACCEPTED if accepted else Reason.BELOW_THRESHOLD,
        similarity=nearest.similarity,
        score=score,
        threshold=threshold,
        margin=margin,
        ambiguous=margin is not None and margin < AMBIGUOUS_MARGIN,
        candidates=evidence.candidates[:shown],
        space=space,
        calibration=calibration,
    )

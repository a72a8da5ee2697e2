"""The decision rule on hand-made evidence."""

import pytest

from engine.decision import Evidence, decide
from engine.types import Candidate, Decision, Reason

CAT = Candidate("cat", 0.80, class_id=1, example_id=10)
DOG = Candidate("dog", 0.70, class_id=2, example_id=20)


def judged(level: float = 2.0, shown: int = 5, **evidence: object) -> Decision:
    given = {
        "source": "q.jpg",
        "candidates": (CAT, DOG),
        "normalized_score": 3.0,
        "class_mean": 0.5,
        "class_std": 0.1,
        **evidence,
    }
    return decide(
        Evidence(**given),  # type: ignore[arg-type]
        level=level,
        space="s",
        calibration="c",
        shown=shown,
    )


def test_at_or_above_its_threshold_the_nearest_class_is_the_answer() -> None:
    decision = judged(level=3.0)

    assert decision.label == "cat"
    assert decision.known
    assert decision.reason is Reason.ACCEPTED
    assert decision.score == pytest.approx(0.8)  # 0.5 + 3 * 0.1
    assert decision.threshold == pytest.approx(0.8)


def test_below_it_the_answer_is_unknown_even_if_the_runner_up_would_pass() -> None:
    decision = judged(level=3.1)

    assert decision.label is None
    assert decision.reason is Reason.BELOW_THRESHOLD
    assert decision.candidates[0] is CAT


def test_a_pinned_threshold_takes_the_computed_ones_place() -> None:
    assert judged(level=100.0, pinned_threshold=0.79).label == "cat"
    assert judged(level=-100.0, pinned_threshold=0.81).label is None


def test_an_enrolled_picture_itself_is_always_recognised() -> None:
    itself = Candidate("cat", 0.9995, class_id=1, example_id=10)

    decision = judged(level=100.0, normalized_score=-5.0, candidates=(itself, DOG))

    assert decision.label == "cat"
    assert decision.score == decision.threshold == pytest.approx(10.5)  # 0.5 + 100 * 0.1
    assert judged(level=1.0, normalized_score=-5.0, candidates=(itself, DOG)).score == 0.9995


def test_a_threshold_above_one_still_refuses() -> None:
    """Scores may be above 1, so a threshold that stopped there would accept too much."""
    decision = judged(level=8.0, normalized_score=7.0)

    assert decision.label is None
    assert (decision.score, decision.threshold) == (pytest.approx(1.2), pytest.approx(1.3))


def test_the_margin_tells_whether_the_runner_up_can_be_told_apart() -> None:
    near = Candidate("dog", 0.79, class_id=2, example_id=20)

    assert judged().margin == pytest.approx(0.1)
    assert not judged().ambiguous
    assert judged(candidates=(CAT, near)).ambiguous


def test_a_single_class_has_no_margin() -> None:
    decision = judged(candidates=(CAT,))

    assert decision.margin is None
    assert not decision.ambiguous


def test_an_empty_gallery_knows_nothing() -> None:
    decision = judged(candidates=())

    assert decision.reason is Reason.EMPTY_GALLERY
    assert decision.label is None
    assert decision.similarity is None


def test_a_decision_shows_as_many_candidates_as_asked_for() -> None:
    assert judged(shown=1).candidates == (CAT,)
    assert judged(shown=1).margin == pytest.approx(0.1)


def test_the_json_object_has_the_documented_keys() -> None:
    assert list(judged().to_json()) == [
        "source", "label", "known", "reason", "ambiguous", "similarity", "score", "threshold",
        "margin", "candidates", "space", "calibration", "error",
    ]  # fmt: skip

"""The decision rule on hand-made evidence."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decision import Evidence, Verdict, judged, threshold
from engine.decision.rule import TOP, off_scale, on_scale


def verdict(
    level: float = 2.0,
    *,
    normalised: float = 3.0,
    similarity: float = 0.80,
    runner_up: float = 0.70,
    lead: float | None = None,
    pin: float | None = None,
) -> Verdict:
    return judged(Evidence(similarity, runner_up, normalised, lead, pin), level)


def test_at_or_above_its_threshold_the_first_class_is_the_answer() -> None:
    found = verdict(level=5.0, normalised=5.0)

    assert found.accepted
    assert found.score == found.threshold == 0.5  # the scale's middle
    assert found.excess == 0.0


def test_below_it_the_answer_is_unknown() -> None:
    found = verdict(level=3.1)

    assert not found.accepted
    assert found.excess == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("normalised", "score"),
    # 1 / (1 + exp(-(10 - 5) / 2.5)) = 0.8808, and 0.1192 at 0.
    [(-TOP, 0.0), (0.0, 0.119203), (10.0, 0.880797), (TOP, 1.0)],
)
def test_scores_are_shown_from_0_to_1(normalised: float, score: float) -> None:
    assert on_scale(normalised) == pytest.approx(score, abs=1e-6)
    assert off_scale(score) == pytest.approx(normalised, abs=1e-4)


def test_nothing_is_off_the_scale() -> None:
    assert (on_scale(-1e9), on_scale(1e9)) == pytest.approx((0.0, 1.0), abs=1e-6)
    assert (off_scale(-3.0), off_scale(3.0)) == (-TOP, TOP)
    assert math.isnan(on_scale(math.nan))


@given(st.floats(-80, 80), st.floats(-80, 80))
def test_what_is_shown_is_in_the_order_of_what_is_compared(one: float, other: float) -> None:
    assert 0 <= on_scale(min(one, other)) <= on_scale(max(one, other)) <= 1


def test_a_pinned_threshold_takes_the_computed_ones_place() -> None:
    assert verdict(level=100.0, normalised=10.0, pin=0.88).accepted
    assert not verdict(level=-100.0, normalised=10.0, pin=0.89).accepted


@pytest.mark.parametrize(("level", "pin"), [(100.0, None), (1.0, None), (1.0, 1.0), (1.0, 0.99)])
def test_an_enrolled_picture_itself_is_recognised_whatever_is_pinned(
    level: float, pin: float | None
) -> None:
    """No threshold is out of reach."""
    found = verdict(level=level, normalised=-5.0, similarity=0.9995, pin=pin)

    assert found.accepted
    assert found.score == 1.0
    assert found.threshold <= 1.0


def test_a_pin_of_1_accepts_nothing_else() -> None:
    assert not verdict(normalised=1000.0, pin=1.0).accepted


def test_the_margin_tells_whether_the_runner_up_can_be_told_apart() -> None:
    assert verdict().margin == pytest.approx(0.1)
    assert not verdict().ambiguous
    assert verdict(runner_up=0.79).ambiguous


def test_where_local_features_found_it_all_evidence_tells_it_from_the_runner_up() -> None:
    assert not verdict(runner_up=0.79, lead=20.0).ambiguous
    assert verdict(runner_up=0.50, lead=0.1).ambiguous
    assert not verdict(runner_up=0.79, lead=math.inf).ambiguous


def test_a_single_class_has_no_margin() -> None:
    found = verdict(runner_up=-math.inf)

    assert found.margin is None
    assert not found.ambiguous


def test_the_thresholds_shown_are_those_tested() -> None:
    assert threshold(None, 5.0) == verdict(level=5.0).threshold == 0.5
    assert threshold(0.3, 5.0) == verdict(level=5.0, pin=0.3).threshold == 0.3


def test_a_class_that_nothing_is_known_of_accepts_nothing() -> None:
    assert not verdict(normalised=math.nan).accepted

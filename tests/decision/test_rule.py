"""The decision rule on hand-made evidence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decision import Evidence, Verdicts, judged, thresholds
from engine.decision.rule import TOP, off_scale, on_scale

NONE = float("nan")


def verdict(
    level: float = 2.0,
    *,
    normalised: float = 3.0,
    similarities: tuple[float, ...] = (0.80, 0.70),
    lead: float = NONE,
    pin: float = NONE,
) -> Verdicts:
    evidence = Evidence(
        similarities=np.array([similarities], np.float32),
        normalised=np.array([normalised]),
        leads=np.array([lead]),
        pins=np.array([pin]),
    )
    return judged(evidence, level)


def test_at_or_above_its_threshold_the_first_class_is_the_answer() -> None:
    found = verdict(level=5.0, normalised=5.0)

    assert found.accepted.tolist() == [True]
    assert found.scores.tolist() == found.thresholds.tolist() == [0.5]  # the scale's middle
    assert found.excesses.tolist() == [0.0]


def test_below_it_the_answer_is_unknown() -> None:
    found = verdict(level=3.1)

    assert found.accepted.tolist() == [False]
    assert found.excesses == pytest.approx([-0.1])


def test_scores_are_shown_from_0_to_1() -> None:
    # 1 / (1 + exp(-(10 - 5) / 2.5)) = 0.8808, and 0.1192 at 0.
    assert on_scale([-1e9, 0.0, 10.0, TOP]) == pytest.approx(
        [0.0, 0.119203, 0.880797, 1.0], abs=1e-6
    )
    assert off_scale([0.0, 0.119203, 0.880797, 1.0]) == pytest.approx([-TOP, 0, 10, TOP], abs=1e-4)


@given(st.floats(-80, 80), st.floats(-80, 80))
def test_what_is_shown_is_in_the_order_of_what_is_compared(one: float, other: float) -> None:
    first, second = on_scale([min(one, other), max(one, other)])

    assert 0 <= first <= second <= 1


def test_a_pinned_threshold_takes_the_computed_ones_place() -> None:
    assert verdict(level=100.0, normalised=10.0, pin=0.88).accepted.tolist() == [True]
    assert verdict(level=-100.0, normalised=10.0, pin=0.89).accepted.tolist() == [False]


def test_an_enrolled_picture_itself_is_recognised_whatever_is_pinned() -> None:
    """No threshold is out of reach."""
    itself = (0.9995, 0.7)
    for level, pin in ((100.0, NONE), (1.0, NONE), (1.0, 1.0), (1.0, 0.99)):
        found = verdict(level=level, normalised=-5.0, similarities=itself, pin=pin)

        assert found.accepted.tolist() == [True]
        assert found.scores.tolist() == [1.0]
        assert found.thresholds[0] <= 1.0


def test_a_pin_of_1_accepts_nothing_else() -> None:
    assert verdict(normalised=1000.0, pin=1.0).accepted.tolist() == [False]


def test_the_margin_tells_whether_the_runner_up_can_be_told_apart() -> None:
    assert verdict().margins == pytest.approx([0.1])
    assert verdict().ambiguous.tolist() == [False]
    assert verdict(similarities=(0.80, 0.79)).ambiguous.tolist() == [True]


def test_where_local_features_found_it_all_evidence_tells_it_from_the_runner_up() -> None:
    near, far = (0.80, 0.79), (0.80, 0.50)
    assert verdict(similarities=near, lead=20.0).ambiguous.tolist() == [False]
    assert verdict(similarities=far, lead=0.1).ambiguous.tolist() == [True]
    assert verdict(similarities=near, lead=np.inf).ambiguous.tolist() == [False]


def test_a_single_class_has_no_margin() -> None:
    found = verdict(similarities=(0.8, -np.inf))

    assert np.isnan(found.margins).tolist() == [True]
    assert found.ambiguous.tolist() == [False]


def test_many_queries_are_judged_as_one_by_one() -> None:
    evidence = Evidence(
        similarities=np.array([[0.8, 0.7], [0.9995, 0.1], [0.6, 0.59]], np.float32),
        normalised=np.array([3.0, -5.0, 1.0]),
        leads=np.array([NONE, NONE, NONE]),
        pins=np.array([NONE, NONE, 0.55]),
    )
    found = judged(evidence, 2.0)

    assert found.accepted.tolist() == [True, True, False]  # the last: 0.168 against 0.55
    assert found.ambiguous.tolist() == [False, False, True]


def test_the_thresholds_shown_are_those_tested() -> None:
    assert thresholds(np.array([NONE, 0.3]), 5.0).tolist() == [0.5, 0.3]


def test_a_class_that_nothing_is_known_of_accepts_nothing() -> None:
    evidence = Evidence(
        similarities=np.array([[0.9, 0.7]], np.float32),
        normalised=np.array([NONE]),
        leads=np.array([NONE]),
        pins=np.array([NONE]),
    )
    assert judged(evidence, 2.0).accepted.tolist() == [False]

"""The decision rule on hand-made evidence."""

import numpy as np
import pytest

from engine.decision import Evidence, Moments, Verdicts, judged, thresholds

NONE = float("nan")


def verdict(
    level: float = 2.0,
    *,
    normalised: float = 3.0,
    similarities: tuple[float, ...] = (0.80, 0.70),
    pin: float = NONE,
) -> Verdicts:
    """On a query whose first class has the mean 0.5 and the deviation 0.1."""
    evidence = Evidence(
        similarities=np.array([similarities], np.float32),
        normalised=np.array([normalised]),
        classes=Moments(np.array([0.5]), np.array([0.1])),
        pins=np.array([pin]),
    )
    return judged(evidence, level)


def test_at_or_above_its_threshold_the_first_class_is_the_answer() -> None:
    found = verdict(level=3.0)

    assert found.accepted.tolist() == [True]
    assert found.scores == pytest.approx([0.8])  # 0.5 + 3 * 0.1
    assert found.thresholds == pytest.approx([0.8])
    assert found.excesses.tolist() == [0.0]


def test_below_it_the_answer_is_unknown() -> None:
    found = verdict(level=3.1)

    assert found.accepted.tolist() == [False]
    assert found.excesses == pytest.approx([-0.1])


def test_a_pinned_threshold_takes_the_computed_ones_place() -> None:
    assert verdict(level=100.0, pin=0.79).accepted.tolist() == [True]
    assert verdict(level=-100.0, pin=0.81).accepted.tolist() == [False]
    assert verdict(level=-100.0, pin=0.81).excesses == pytest.approx([-0.1])  # in deviations


def test_an_enrolled_picture_itself_is_recognised() -> None:
    found = verdict(level=100.0, normalised=-5.0, similarities=(0.9995, 0.7))

    assert found.accepted.tolist() == [True]
    assert found.scores.tolist() == found.thresholds.tolist() == [pytest.approx(10.5)]
    lower = verdict(level=1.0, normalised=-5.0, similarities=(0.9995, 0.7))
    assert lower.scores == pytest.approx([0.9995])


def test_a_pin_binds_even_for_an_enrolled_picture_itself() -> None:
    """Its score is at least its similarity, so only a pin above that refuses it."""
    itself = (0.9995, 0.7)

    assert verdict(normalised=-5.0, similarities=itself, pin=0.99).accepted.tolist() == [True]
    refused = verdict(normalised=-5.0, similarities=itself, pin=1.2)
    assert refused.accepted.tolist() == [False]
    assert (refused.excesses < 0).tolist() == [True]


def test_a_threshold_above_one_still_refuses() -> None:
    """Scores may be above 1, so a threshold that stopped there would accept too much."""
    found = verdict(level=8.0, normalised=7.0)

    assert found.accepted.tolist() == [False]
    assert (*found.scores, *found.thresholds) == (pytest.approx(1.2), pytest.approx(1.3))


def test_the_margin_tells_whether_the_runner_up_can_be_told_apart() -> None:
    assert verdict().margins == pytest.approx([0.1])
    assert verdict().ambiguous.tolist() == [False]
    assert verdict(similarities=(0.80, 0.79)).ambiguous.tolist() == [True]


def test_a_single_class_has_no_margin() -> None:
    found = verdict(similarities=(0.8, -np.inf))

    assert np.isnan(found.margins).tolist() == [True]
    assert found.ambiguous.tolist() == [False]


def test_many_queries_are_judged_as_one_by_one() -> None:
    evidence = Evidence(
        similarities=np.array([[0.8, 0.7], [0.9995, 0.1], [0.6, 0.59]], np.float32),
        normalised=np.array([3.0, -5.0, 1.0]),
        classes=Moments(np.array([0.5, 0.5, 0.2]), np.array([0.1, 0.1, 0.3])),
        pins=np.array([NONE, NONE, 0.55]),
    )
    found = judged(evidence, 2.0)

    assert found.accepted.tolist() == [True, True, False]  # the last: 0.2 + 0.3 against 0.55
    assert found.ambiguous.tolist() == [False, False, True]


def test_the_thresholds_shown_are_those_tested() -> None:
    classes = Moments(np.array([0.5, 0.4]), np.array([0.1, 0.2]))

    assert thresholds(classes, np.array([NONE, 0.3]), 2.0) == pytest.approx([0.7, 0.3])


def test_a_class_that_nothing_is_known_of_accepts_nothing() -> None:
    evidence = Evidence(
        similarities=np.array([[0.9, 0.7]], np.float32),
        normalised=np.array([NONE]),
        classes=Moments(np.array([NONE]), np.array([NONE])),
        pins=np.array([NONE]),
    )
    assert judged(evidence, 2.0).accepted.tolist() == [False]

"""Levels against hand computation, simulation and SciPy's distributions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decision import Calibration


def of(scores: np.ndarray, classes: int = 100) -> Calibration:
    return Calibration.of_strangers(scores, method="test", classes=classes, generation=1)


def test_the_level_is_the_conformal_quantile() -> None:
    # n = 99, target 5 %: rank ceil(100 * 0.95) = 95, so the 95th smallest of 1..99.
    assert of(np.arange(1.0, 100.0)).level(0.05, classes=100) == 95.0


def test_the_level_is_reached_by_the_target_share_of_further_strangers() -> None:
    random = np.random.default_rng(0)
    shares = []
    for _ in range(400):
        level = of(random.normal(size=199)).level(0.05, classes=100)
        shares.append(np.mean(random.normal(size=500) >= level))

    assert np.mean(shares) == pytest.approx(0.05, abs=0.005)


def test_a_gallery_twice_the_size_is_held_to_half_the_rate() -> None:
    # 1 - sqrt(0.95) = 0.02532; n = 999: rank ceil(1000 * 0.97468) = 975.
    assert of(np.arange(1.0, 1000.0), classes=100).level(0.05, classes=200) == 975.0


def test_a_gallery_that_has_shrunk_keeps_its_level() -> None:
    calibration = of(np.arange(1.0, 100.0), classes=100)

    assert calibration.level(0.05, classes=10) == calibration.level(0.05, classes=100)


def test_beyond_the_strangers_seen_the_tail_is_exponential() -> None:
    random = np.random.default_rng(1)
    levels = [of(random.exponential(size=400)).level(0.0005, classes=100) for _ in range(200)]

    assert np.mean(levels) == pytest.approx(-np.log(0.0005), rel=0.05)  # the true quantile


def test_without_strangers_three_deviations_are_asked_for() -> None:
    assert Calibration.empty().level(0.05, classes=1) == 3.0
    assert of(np.zeros(9)).level(0.05, classes=1) == 3.0


def test_bytes_bring_it_back() -> None:
    before = of(np.array([3.0, -1.0, 2.5]), classes=7)

    after = Calibration.from_bytes(before.to_bytes())

    assert after.stranger_scores.tolist() == [-1.0, 2.5, 3.0]
    assert (after.method, after.classes, after.generation) == ("test", 7, 1)
    assert after.created_at == before.created_at


@given(
    st.lists(st.floats(-5, 20), min_size=10, max_size=200),
    st.floats(0.0005, 0.4),
    st.floats(1.0, 2.5),
)
def test_a_stricter_target_never_lowers_the_level(
    scores: list[float], target: float, factor: float
) -> None:
    calibration = of(np.array(scores))

    strict = calibration.level(target / factor, classes=100)

    assert strict >= calibration.level(target, classes=100)

"""Reliability curves, against scikit-learn's and a hand computation."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from engine.metrics.reliability import expected_calibration_error, reliability


def test_the_curve_is_that_of_scikit_learn():
    random = np.random.default_rng(3)
    told = random.random(500) ** 2
    true = random.random(500) < told
    curve = reliability(told, true)
    expected_true, expected_told = calibration_curve(true, told, n_bins=10)
    np.testing.assert_allclose(curve.true, expected_true)
    np.testing.assert_allclose(curve.told, expected_told)
    assert curve.counts.sum() == 500


def test_the_error_is_the_mean_distance_by_hand():
    told = np.array([0.1, 0.1, 0.9, 1.0])
    true = np.array([False, True, True, True])
    # bins: two at 0.1 of which one is true, two at 0.95 on average which both are
    assert expected_calibration_error(told, true) == pytest.approx((2 * 0.4 + 2 * 0.05) / 4)


def test_certainty_that_is_right_has_no_error():
    assert expected_calibration_error(np.array([0.0, 1.0]), np.array([False, True])) == 0.0

"""The number of false alarms counts false alarms: by hand, and on matches that are chance."""

import math

import numpy as np
import pytest

from engine.local.false_alarms import RADII, Crowding, log_false_alarms

AREA = 800.0 * 600.0


def _even() -> Crowding:
    return Crowding(np.empty((0, 2), np.float32), AREA)


def test_the_formula_by_hand() -> None:
    off = np.array([1.0] * 10 + [np.inf] * 20)
    share = math.pi * 1.5**2 / AREA
    expected = math.log10(30 * len(RADII) * math.comb(30, 10)) + 6 * math.log10(share)
    found, radius = log_false_alarms(off, _even())
    assert found == pytest.approx(expected)
    assert radius == 1.5


def test_as_many_as_a_homography_takes_for_itself_say_nothing() -> None:
    assert log_false_alarms(np.zeros(4), _even())[0] == math.inf


def test_crowded_points_say_less() -> None:
    random = np.random.default_rng(0)
    crowd = random.normal(300, 8, (300, 2)).astype(np.float32)
    off = np.array([2.0] * 10 + [np.inf] * 20)
    crowded = log_false_alarms(off, Crowding(crowd, AREA))[0]
    assert crowded > log_false_alarms(off, _even())[0] + 6


def test_chance_raises_fewer_alarms_than_promised() -> None:
    """Each map tried on points thrown anywhere: a share of NFA below 1 far below one a picture."""
    random = np.random.default_rng(3)
    alarms = 0
    for _ in range(300):
        places = random.uniform(0, [800, 600], (40, 2))
        aims = random.uniform(0, [800, 600], (40, 2))
        off = np.hypot(*(places - aims).T)
        alarms += log_false_alarms(off, Crowding(places.astype(np.float32), AREA))[0] < 0
    assert alarms == 0

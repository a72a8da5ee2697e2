"""Matches are mutual, clear and one to one; the expected ones are plain to see."""

import numpy as np

from engine.local.matching import RATIO, matches


def _unit(*rows: list[float]) -> np.ndarray:
    array = np.array(rows, np.float32)
    return array / np.linalg.norm(array, axis=1, keepdims=True)


def test_each_finds_its_like_and_the_clearest_comes_first() -> None:
    query = _unit([1, 0, 0], [0, 1, 0.3])
    enrolled = _unit([0, 0, 1], [0, 1, 0], [1, 0, 0])
    assert matches(query, enrolled).tolist() == [[0, 2], [1, 1]]


def test_two_that_look_alike_match_nothing() -> None:
    enrolled = _unit([1, 0.10, 0], [1, -0.11, 0], [0, 0, 1])
    assert matches(_unit([1, 0, 0], [0, 0, 1]), enrolled).tolist() == [[1, 2]]


def test_only_the_nearer_of_two_gets_a_partner() -> None:
    query = _unit([1, 0.2, 0], [1, 0.1, 0])
    assert matches(query, _unit([1, 0, 0], [0, 0, 1])).tolist() == [[1, 0]]


def test_the_ratio_is_of_distances() -> None:
    near, far = 0.2, 0.2 / RATIO  # distances on the unit circle's chord
    for factor, kept in ((1.02, 1), (0.98, 0)):
        angles = [2 * np.arcsin(near / 2), -2 * np.arcsin(far * factor / 2)]
        enrolled = _unit(*([np.cos(a), np.sin(a)] for a in angles))
        query = _unit([1, 0], [-1, 0])
        assert (matches(query, enrolled)[:, 0] == 0).sum() == kept


def test_fewer_than_two_points_match_nothing() -> None:
    assert matches(_unit([1, 0]), _unit([1, 0], [0, 1])).shape == (0, 2)
    assert matches(_unit([1, 0], [0, 1]), np.empty((0, 2), np.float32)).shape == (0, 2)

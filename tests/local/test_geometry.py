"""Maps are found among wrong matches, and what no camera sees is refused."""

import numpy as np
import pytest

from engine.local.geometry import Pairs, corners, mapped, maps, residuals

SIZE = (400, 300)


def _pairs(model: np.ndarray, right: int, wrong: int, seed: int = 0) -> Pairs:
    """Matches under a homography, with sizes and angles as a camera would give them."""
    random = np.random.default_rng(seed)
    enrolled = np.column_stack(
        [
            random.uniform(0, SIZE, (right + wrong, 2)),
            random.uniform(3, 20, right + wrong),
            random.uniform(0, 360, right + wrong),
        ]
    )
    at = enrolled[:, :2]
    step = 0.01 * np.column_stack(
        [np.cos(np.deg2rad(enrolled[:, 3])), np.sin(np.deg2rad(enrolled[:, 3]))]
    )
    ahead = (mapped(model, at + step) - mapped(model, at)) / 0.01
    query = np.column_stack(
        [
            mapped(model, at),
            enrolled[:, 2] * np.hypot(*ahead.T),
            np.rad2deg(np.arctan2(ahead[:, 1], ahead[:, 0])),
        ]
    )
    query[right:, :2] = random.uniform(0, 600, (wrong, 2))
    query[right:, 3] = random.uniform(0, 360, wrong)
    order = random.permutation(right + wrong)
    return Pairs(query[order].astype(np.float32), enrolled[order].astype(np.float32))


TILTED = np.array([[0.9, -0.3, 120], [0.35, 0.8, 60], [3e-4, 2e-4, 1]])


@pytest.mark.parametrize(("right", "wrong"), [(20, 0), (20, 60), (200, 400)])
def test_a_homography_is_found_among_wrong_matches(right: int, wrong: int) -> None:
    pairs = _pairs(TILTED, right, wrong)
    model, _ = next(iter(maps(pairs, SIZE)))
    frame = np.array([[0, 0], [400, 0], [400, 300], [0, 300]], np.float64)
    np.testing.assert_allclose(mapped(model, frame), mapped(TILTED, frame), atol=4)
    assert (residuals(model, pairs) < 2).sum() >= right


def test_few_matches_propose_nothing() -> None:
    assert list(maps(_pairs(TILTED, 3, 0), SIZE)) == []


def test_the_same_matches_give_the_same_map() -> None:
    first, again = (next(iter(maps(_pairs(TILTED, 30, 90), SIZE)))[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_corners_run_clockwise_from_the_upper_left() -> None:
    shift = np.array([[1, 0, 10], [0, 1, 20], [0, 0, 1]], np.float64)
    found = corners(shift, SIZE)
    assert found is not None
    assert found.tolist() == [[10, 20], [410, 20], [410, 320], [10, 320]]


@pytest.mark.parametrize(
    "model",
    [
        np.diag([-1.0, 1.0, 1.0]),  # mirrored
        np.diag([0.01, 0.01, 1.0]),  # collapsed to a few pixels
        np.array([[1, 2.5, 0], [0, 1, 0], [0, 0, 1.0]]),  # sheared to a blade
        np.array([[1, 0, 0], [0, 1, 0], [-0.004, 0, 1.0]]),  # beyond the horizon
        np.array([[1, 0, 0], [0, 1, 0], [0.01, 0, 1.0]]),  # one end five times as large
    ],
)
def test_what_no_camera_sees_has_no_corners(model: np.ndarray) -> None:
    assert corners(model, SIZE) is None

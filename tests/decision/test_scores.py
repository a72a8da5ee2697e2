"""The moments and normalised scores against hand computation and NumPy's own mean and deviation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decision import NEIGHBOURS, Moments, leads, moments, normalized_scores
from engine.decision.scores import PICTURES

SOFTENING = PICTURES.softening


def test_moments_are_those_of_the_nearest_impostors_only() -> None:
    rows = np.linspace(-1, 1, 4 * NEIGHBOURS, dtype=np.float32)[None, :]
    nearest = np.sort(rows[0])[-NEIGHBOURS:].astype(np.float64)

    found = moments(rows)

    assert found.means[0] == pytest.approx(nearest.mean())
    assert found.stds[0] == pytest.approx(nearest.std() + SOFTENING)


def test_moments_ignore_what_is_no_impostor() -> None:
    values = np.linspace(0.1, 0.9, 12, dtype=np.float32)
    padded = np.concatenate([values, np.full(5, -np.inf, np.float32)])[None, :]

    found = moments(padded)

    assert found.means[0] == pytest.approx(values.astype(np.float64).mean())
    assert found.stds[0] == pytest.approx(values.astype(np.float64).std() + SOFTENING)


def test_without_impostors_the_moments_say_nothing_is_known() -> None:
    found = moments(np.empty((2, 0), np.float32))

    assert found.means.tolist() == [0.5, 0.5]
    assert found.stds == pytest.approx([0.1 + SOFTENING] * 2)


def test_few_impostors_are_drawn_towards_the_prior() -> None:
    # One impostor at 0.9 and a prior of weight 3 at 0.5: mean (0.9 + 1.5) / 4 = 0.6.
    # Spread ((0.9 - 0.6)^2 + 3 (0.01 + 0.01)) / 4 = 0.0375.
    found = moments(np.array([[0.9]], np.float32))

    assert found.means[0] == pytest.approx(0.6)
    assert found.stds[0] == pytest.approx(0.0375**0.5 + SOFTENING)


def test_the_lead_is_over_the_runner_up() -> None:
    runners_up = np.array([[0.75, 0.5], [-np.inf, -np.inf]], np.float32)
    shipped = np.array([[0.8125], [0.25]], np.float32)

    # The second has no other class, so the shipped picture stands for one.
    assert leads([0.875, 0.75], runners_up, shipped).tolist() == [0.125, 0.5]


def test_without_anything_to_be_ahead_of_the_lead_is_over_one_half() -> None:
    nothing = np.empty((1, 0), np.float32)

    assert leads([0.75], nothing, nothing).tolist() == [0.25]


def test_the_score_weighs_the_querys_side_most() -> None:
    # Query: (0.8 - 0.6 + 2 * 0.1) / 0.05 = 8. Class: (0.8 - 0.5) / 0.1 = 3, of which a fifth.
    classes = Moments(np.array([0.5]), np.array([0.1]))
    queries = Moments(np.array([0.6]), np.array([0.05]))

    assert normalized_scores([0.8], [0.1], classes, queries)[0] == pytest.approx(8 + 0.6)


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=120))
def test_moments_are_finite_and_bounded_for_any_similarities(values: list[float]) -> None:
    found = moments(np.array([values], np.float32))

    assert -1 <= found.means[0] <= 1
    assert SOFTENING <= found.stds[0] <= 1.5

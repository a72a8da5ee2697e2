"""The moments and normalised scores against hand computation and NumPy's own mean and deviation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decision import (
    NEIGHBOURS,
    PICTURES,
    TEXTS,
    Moments,
    highest,
    moments,
    normalized,
    normalized_first,
)

SOFTENING = PICTURES.softening
NONE = -math.inf


def test_moments_are_those_of_the_nearest_impostors_only() -> None:
    similarities = np.random.default_rng(0).permutation(np.linspace(-1, 1, 4 * NEIGHBOURS))
    nearest = np.sort(similarities)[-NEIGHBOURS:]

    found = moments(similarities.tolist())

    assert found.mean == pytest.approx(nearest.mean())
    assert found.std == pytest.approx(nearest.std() + SOFTENING)


def test_moments_ignore_what_is_no_impostor() -> None:
    values = np.linspace(0.1, 0.9, 12)

    found = moments([NONE, *values.tolist(), NONE])

    assert found.mean == pytest.approx(values.mean())
    assert found.std == pytest.approx(values.std() + SOFTENING)


@pytest.mark.parametrize("nobody", [[], [NONE, NONE]])
def test_without_impostors_the_moments_say_nothing_is_known(nobody: list[float]) -> None:
    assert moments(nobody) == pytest.approx((0.5, 0.1 + SOFTENING))
    assert all(map(math.isnan, moments(nobody, TEXTS)))


def test_few_impostors_are_drawn_towards_the_prior() -> None:
    # One impostor at 0.9 and a prior of weight 3 at 0.5: mean (0.9 + 1.5) / 4 = 0.6.
    # Spread ((0.9 - 0.6)^2 + 3 (0.01 + 0.01)) / 4 = 0.0375.
    assert moments([0.9]) == pytest.approx((0.6, 0.0375**0.5 + SOFTENING))


@pytest.mark.parametrize("count", [0, 3, NEIGHBOURS, NEIGHBOURS + 1, 7 * NEIGHBOURS])
def test_the_highest_of_each_row_are_found(count: int) -> None:
    rows = np.random.default_rng(count).random((4, count), np.float32)
    expected = np.sort(rows, axis=1)[:, max(0, count - NEIGHBOURS) :]

    assert [sorted(row) for row in highest(rows.copy())] == expected.tolist()


def test_the_score_weighs_the_querys_side_most() -> None:
    # Query: (0.8 - 0.6 + 2 * 0.1) / 0.05 = 8. Class: (0.8 - 0.5) / 0.1 = 3, of which a fifth.
    found = normalized(0.8, 0.1, Moments(0.5, 0.1), Moments(0.6, 0.05))

    assert found == pytest.approx(8 + 0.6)


def test_where_nothing_is_known_of_a_class_the_querys_moments_stand_for_it() -> None:
    unknown = Moments(math.nan, math.nan)

    # (0.8 - 0.6 + 2 * 0.1) / 0.05 = 8, and a fifth of (0.8 - 0.6) / 0.05 = 4.
    assert normalized(0.8, 0.1, unknown, Moments(0.6, 0.05)) == pytest.approx(8.8)


@pytest.mark.parametrize(
    ("others", "shipped", "beside", "lead"),
    [
        ([0.5, 0.75], [0.875], [0.99], 0.125),  # over the runner-up, wherever it stands
        ([], [0.25, 0.375], [0.99], 0.5),  # over a shipped picture in the place of one
        ([], [NONE], [], 0.375),  # over one half
        ([], [], [0.99], 0.375),
    ],
)
def test_the_lead_is_over_the_nearest_rival(
    others: list[float], shipped: list[float], beside: list[float], lead: float
) -> None:
    of_class, impostors = Moments(0.4, 0.2), moments([*others, *shipped, *beside])

    found = normalized_first([0.875, *others], of_class, shipped, beside)

    assert found == pytest.approx(normalized(0.875, lead, of_class, impostors))


@given(st.lists(st.floats(-1, 1), max_size=120), st.integers(0, 3))
def test_moments_are_numpys_of_the_highest(values: list[float], missing: int) -> None:
    found = moments([NONE] * missing + values)

    nearest = np.sort(values)[-NEIGHBOURS:]
    if nearest.size >= 10:
        assert found.mean == pytest.approx(nearest.mean(), abs=1e-9)
        assert found.std == pytest.approx(nearest.std() + SOFTENING, abs=1e-9)
    assert -1 <= found.mean <= 1
    assert SOFTENING <= found.std <= 1.5

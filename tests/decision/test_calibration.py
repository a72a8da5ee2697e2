"""Levels against hand computation, simulation and SciPy's distributions."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decision import Calibration
from engine.decision.intervals import wilson_interval
from engine.errors import CalibrationError


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
    # 1 - sqrt(0.95) = 0.025321 of 1000, so between the 974th and the 975th smallest of 999.
    level = of(np.arange(1.0, 1000.0), classes=100).level(0.05, classes=200)

    assert 974.0 < level < 975.0
    share = (1000 - 974) * (1 - (level - 974)) + (1000 - 975) * (level - 974)
    assert share / 1000 == pytest.approx(1 - 0.95**0.5, abs=1e-5)  # linear in the logarithm


def test_a_gallery_that_has_shrunk_keeps_its_level() -> None:
    calibration = of(np.arange(1.0, 100.0), classes=100)

    assert calibration.level(0.05, classes=10) == calibration.level(0.05, classes=100)


def test_beyond_the_strangers_seen_the_tail_is_exponential() -> None:
    random = np.random.default_rng(1)
    levels = [of(random.exponential(size=400)).level(0.0005, classes=100) for _ in range(200)]

    assert np.mean(levels) == pytest.approx(-np.log(0.0005), rel=0.05)  # the true quantile


def test_an_absurdly_small_target_still_gives_a_finite_level() -> None:
    assert np.isfinite(of(np.arange(50.0)).level(1e-300, classes=100))


def test_without_strangers_the_prior_holds() -> None:
    # Half above 2, then exponential with mean 1.3 * (1 + 2.5 / 4) = 2.1125 among few classes.
    expected = 2.0 + 2.1125 * np.log(0.5 / 0.05)

    assert Calibration.empty().level(0.05, classes=1) == pytest.approx(expected, abs=0.01)
    too_few = of(np.zeros(4), classes=4)
    assert too_few.level(0.05, classes=4) == pytest.approx(expected, abs=0.01)


def test_the_prior_counts_for_ten_left_out_classes() -> None:
    """Of 10 left-out classes that all scored 0, one further stranger is not sure to."""
    calibration = Calibration.of_strangers(
        np.zeros(10), method="test", classes=20, generation=1, witnesses=10
    )

    tail = 1.3 * (1 + 2.5 / 20) + 0.1 * (0.3 - 2.0)
    expected = 0.5 * 0.5 * np.exp((0.3 - 4.0) / tail)  # half the weight, half of them above 0.3
    assert calibration.stranger_rate(4.0, 20) == pytest.approx(expected, rel=1e-3)


def test_few_strangers_given_hold_a_strict_target() -> None:
    """Of exponential scores around that prior, of which the level l lets in exp(-l)."""
    random = np.random.default_rng(2)
    let_in: dict[int | None, list[float]] = {None: [], 20: []}
    for _ in range(300):
        scores = 1.3 * random.exponential(size=20)
        for witnesses, found in let_in.items():
            calibration = Calibration.of_strangers(
                scores, method="strangers", classes=100, generation=1, witnesses=witnesses
            )
            found.append(np.exp(-calibration.level(0.01, 100) / 1.3))

    assert np.mean(let_in[20]) == pytest.approx(0.01, abs=0.004)
    assert np.mean(let_in[None]) > 0.018  # as before the prior counted beside them


def test_a_calibration_on_strangers_given_before_keeps_its_level() -> None:
    """One that was stored when no prior counted beside them."""
    scores = np.random.default_rng(4).exponential(size=20)
    stored = Calibration.of_strangers(
        scores, method="strangers", classes=100, generation=1, witnesses=20
    )
    line, _, rest = stored.to_bytes().partition(b"\n")
    header = json.loads(line) | {"left_out": None}

    read = Calibration.from_bytes(json.dumps(header).encode() + b"\n" + rest)

    assert read.level(0.01, 100) == of(scores).level(0.01, 100)
    assert Calibration.from_bytes(stored.to_bytes()).level(0.01, 100) != read.level(0.01, 100)


def test_the_prior_lies_where_the_gallery_does() -> None:
    """A gallery of things that are all much alike asks for more, though its few classes tell
    nothing of a tail."""

    def level(*medians: float) -> float:
        return Calibration.of_strangers(
            *(np.linspace(-1, 1, 5) + median for median in medians),
            method="test",
            classes=5,
            generation=1,
            witnesses=5,
        ).level(0.001, 5)  # where nothing but the prior reaches

    # A third of the weight is the samples' own, whose tails end long before.
    tails = [1.3 * (1 + 2.5 / 5) + 0.1 * (median + 0.3 - 2.0) for median in (2.0, 4.0)]
    excesses = np.log(2 / 3 / 2 / 0.001) * np.array(tails)
    expected = np.array([2.3, 4.3]) + excesses
    assert [level(2.0, 2.0), level(4.0, 4.0)] == pytest.approx(expected, abs=0.02)
    assert level(2.0, 2.0) < level(1.0, 5.0) < level(5.0, 5.0)


def test_samples_count_by_their_weights() -> None:
    low, high = np.zeros(99), np.full(99, 10.0)
    calibration = Calibration.of_strangers(
        low, high, weights=(3.0, 1.0), method="test", classes=100, generation=1
    )

    half = calibration.stranger_rate(5.0, 100)
    assert half == pytest.approx(0.25 * 0.99, rel=0.05)
    again = Calibration.from_bytes(calibration.to_bytes())
    assert again.stranger_rate(5.0, 100) == pytest.approx(half)


def test_the_stranger_rate_is_the_target_exactly_at_the_level() -> None:
    random = np.random.default_rng(3)
    calibration = Calibration.of_strangers(
        random.exponential(size=60),
        random.exponential(size=300) + 1,
        method="test",
        classes=100,
        generation=1,
        witnesses=60,
    )
    for target in (0.5, 0.05, 0.01, 0.0001):
        for classes in (100, 170, 5000):
            level = calibration.level(target, classes)
            assert calibration.stranger_rate(level, classes) == pytest.approx(target)


def test_samples_from_two_domains_count_equally() -> None:
    """A thousand of one don't outweigh ten of the other."""
    calibration = Calibration.of_strangers(
        np.linspace(0, 1, 1000), np.linspace(10, 11, 11), method="test", classes=9, generation=1
    )

    assert calibration.stranger_rate(5.0, 9) == pytest.approx(0.5, abs=0.06)
    low, high = calibration.rate_interval(0.5) or (0, 0)
    assert low < 0.4 < 0.6 < high  # no surer than 44 strangers of one domain make it
    assert Calibration.empty().rate_interval(0.5) is None


@given(
    st.lists(st.floats(-5, 20), min_size=0, max_size=60),
    st.lists(st.floats(-50, 70), min_size=2, max_size=20),
)
def test_a_higher_score_is_never_likelier_of_a_stranger(
    strangers: list[float], scores: list[float]
) -> None:
    calibration = of(np.array(strangers))
    rates = np.array([calibration.stranger_rate(score, 100) for score in sorted(scores)])

    assert np.all(np.diff(rates) <= 1e-12)
    assert np.all((rates > 0) & (rates <= 1))


def test_bytes_bring_it_back() -> None:
    before = Calibration.of_strangers(
        np.array([3.0, -1.0, 2.5]),
        method="test",
        classes=7,
        generation=1,
        genuine=np.array([5.0, -np.inf]),
        strangers=2,
        automatic=False,
        evidence={"strangers": 2},
    )

    after = Calibration.from_bytes(before.to_bytes())

    assert after.stranger_scores.tolist() == [-1.0, 2.5, 3.0]
    assert after.genuine_scores.tolist() == [-np.inf, 5.0]
    for name in ("method", "strangers", "classes", "generation", "created_at", "automatic"):
        assert getattr(after, name) == getattr(before, name)
    assert after.evidence == {"strangers": 2}


def test_a_target_beyond_the_evidence_is_refused_with_what_it_needs() -> None:
    calibration = of(np.arange(50.0))

    calibration.require(0.01)  # 10 strangers would do, with the tail extrapolated tenfold
    with pytest.raises(CalibrationError, match=r"0\.01 %: it needs about 1,000, and there are 50"):
        calibration.require(0.0001)


def test_the_expected_tpir_is_the_share_of_genuine_scores_at_the_level() -> None:
    calibration = Calibration.of_strangers(
        np.arange(1.0, 100.0),
        method="test",
        classes=10,
        generation=1,
        genuine=np.array([94.0, 95.0, 96.0, -np.inf]),
    )

    assert calibration.expected_tpir(0.05, classes=10) == 0.5  # the level is 95
    assert of(np.arange(99.0)).expected_tpir(0.05, classes=10) is None


def test_an_outgrown_calibration_says_so() -> None:
    calibration = Calibration.of_strangers(
        np.arange(99.0), method="strangers", classes=100, generation=1, automatic=False
    )

    assert "outgrown" not in calibration.describe(0.05, classes=199)
    assert "outgrown by now 200 classes" in calibration.describe(0.05, classes=200)


def test_intervals_match_the_published_example() -> None:
    # Newcombe (1998), table I: 15 of 148 gives 0.0624 to 0.1605 by Wilson's score method.
    low, high = wilson_interval(15 / 148, 148)

    assert (low, high) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson_interval(0.5, 0) is None


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


def test_a_calibration_of_another_score_formula_is_not_trusted() -> None:
    written = Calibration.of_strangers(
        np.linspace(0, 1, 100), method="strangers", classes=10, generation=1
    ).to_bytes()
    line, _, scores = written.partition(b"\n")
    header = json.loads(line)
    older = json.dumps({**header, "form": header["form"] - 1}).encode() + b"\n" + scores

    read = Calibration.from_bytes(older)

    assert read.strangers == 0
    assert "calibrate again" in read.describe(0.05, 10)

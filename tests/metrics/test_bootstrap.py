"""Intervals: whole classes are drawn, and no certainty is made of a share of nothing."""

from __future__ import annotations

import numpy as np
import pytest

from engine.metrics.bootstrap import Groups, interval, resamples
from engine.metrics.figures import figures_of
from engine.metrics.trials import KnownTrials, StrangerTrials, Trials


def trials(
    classes: list[int], ranks: list[int], scores: list[float], strangers: list[float]
) -> Trials:
    """Trials of which only these matter."""
    n, m = len(classes), len(strangers)
    known = KnownTrials(
        queries=np.arange(n),
        classes=np.array(classes, np.int64),
        nearest=np.array(classes, np.int64),
        nearest_examples=np.zeros(n, np.int64),
        ranks=np.array(ranks, np.int64),
        similarities=np.array(scores, np.float64),
        scores=np.array(scores, np.float64),
        genuine=np.linspace(0.6, 0.9, n),
        impostors=np.linspace(0.1, 0.4, n),
        genuine_probabilities=np.empty(0),
        impostor_probabilities=np.empty(0),
    )
    others = StrangerTrials(
        queries=np.arange(m),
        groups=np.arange(m),
        nearest=np.zeros(m, np.int64),
        nearest_examples=np.zeros(m, np.int64),
        similarities=np.array(strangers, np.float64),
        scores=np.array(strangers, np.float64),
    )
    return Trials(known, others, left_out=False)


def test_drawn_classes_bring_all_of_their_rows_as_often_as_they_are_drawn() -> None:
    groups = Groups(np.array([7, 3, 7, 9, 3, 3]))
    assert groups.ids.tolist() == [3, 7, 9]
    assert sorted(groups.rows_of(np.array([1, 0, 1])).tolist()) == [0, 0, 1, 2, 2, 4, 5]


def test_paired_resamples_draw_the_same_classes_on_both_sides() -> None:
    classes = np.array([0, 0, 1, 2, 2, 2])
    for known, strangers in resamples(classes, classes, paired=True, replicates=20):
        assert known.tolist() == strangers.tolist()


def test_unpaired_resamples_keep_the_number_of_groups() -> None:
    for known, strangers in resamples(np.arange(5), np.arange(8), paired=False, replicates=20):
        assert (known.size, strangers.size) == (5, 8)


def test_the_interval_of_a_mean_is_the_textbook_one() -> None:
    hits = np.random.default_rng(1).random(400) < 0.7
    means = [
        float(hits[rows].mean())
        for rows, _ in resamples(
            np.arange(400), np.empty(0, np.int64), paired=False, replicates=500
        )
    ]
    low, high = interval(means, 400)
    half = 1.96 * np.sqrt(hits.mean() * (1 - hits.mean()) / 400)
    assert low == pytest.approx(hits.mean() - half, abs=0.01)
    assert high == pytest.approx(hits.mean() + half, abs=0.01)


def test_what_never_happened_may_yet_happen_three_times_in_n() -> None:
    assert interval([0.0] * 10, 60) == (0.0, 0.05)
    assert interval([1.0] * 10, 60) == (0.95, 1.0)


def test_figures_are_those_counted_by_hand() -> None:
    figures = figures_of(
        trials(
            classes=[0, 0, 0, 1],
            ranks=[1, 1, 2, 1],
            scores=[0.3, -0.1, 0.2, 0.4],
            strangers=[0.1, -0.2, -0.3, 0.0],
        )
    )
    assert figures["top_1"].value == pytest.approx(3 / 4)
    assert figures["top_5"].value == pytest.approx(1.0)
    assert figures["mean_per_class"].value == pytest.approx((2 / 3 + 1) / 2)
    assert figures["tpir_reached"].value == pytest.approx(2 / 4)
    assert figures["misidentified"].value == pytest.approx(1 / 4)
    assert figures["refused_known"].value == pytest.approx(1 / 4)
    assert figures["fpir_reached"].value == pytest.approx(2 / 4)  # a score of 0 is accepted
    assert figures["eer"].value == 0.0


def test_an_fpir_that_the_strangers_are_too_few_for_is_refused() -> None:
    figures = figures_of(trials([0, 1], [1, 1], [0.3, 0.2], list(np.linspace(-1, 0, 60))))
    assert figures["fnir_at_fpir_0.1"].value is not None
    refused = figures["fnir_at_fpir_0.001"]
    assert refused.to_json() == {
        "refused": "an FPIR of 0.1 % needs about 3,000 strangers, there are 60"
    }
    assert "3,000 strangers" in str(refused)


def test_without_strangers_only_open_set_figures_are_refused() -> None:
    figures = figures_of(trials([0, 1], [1, 1], [0.3, 0.2], []))
    assert figures["top_1"].value == 1.0
    assert figures["top_1"].low == 0.0  # two classes prove next to nothing
    assert figures["fpir_reached"].refused == "there are no strangers"
    assert figures["auroc"].refused == "there are no strangers"


def test_with_strangers_alone_only_their_share_is_given() -> None:
    figures = figures_of(trials([], [], [], [0.1, -0.1]))
    assert figures["fpir_reached"].value == 0.5
    assert figures["top_1"].refused == "no query shows an enrolled class"
    assert figures["eer"].refused is not None


def test_the_interval_of_the_mean_per_class_counts_a_class_drawn_twice_as_two() -> None:
    ranks = [1] * 60 + [2] * 60
    figures = figures_of(trials(list(range(120)), ranks, [0.1] * 120, []))
    assert figures["mean_per_class"] == figures["top_1"]  # one query a class: the same thing

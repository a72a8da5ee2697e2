"""Metrics against scikit-learn, and against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    roc_auc_score,
    roc_curve,
    top_k_accuracy_score,
)

from engine.metrics import closed_set, open_set, verification

# Four known queries, the third named wrongly, and five strangers.
SCORES = np.array([0.9, 0.7, 0.8, 0.4])
CORRECT = np.array([True, True, False, True])
STRANGERS = np.array([0.85, 0.6, 0.5, 0.3, 0.1])


def scores_of(seed: int, n: int, mean: float) -> np.ndarray:
    """Scores with ties, as rounding makes them."""
    return np.round(np.random.default_rng(seed).normal(mean, 1.0, n), 1)


def test_top_k_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(1)
    similarities, own = random.random((60, 12)), random.integers(0, 12, 60)
    order = np.argsort(-similarities, axis=1)
    ranks = np.argmax(order == own[:, None], axis=1) + 1
    for k in (1, 5):
        expected = top_k_accuracy_score(own, similarities, k=k, labels=np.arange(12))
        assert closed_set.top_k(ranks, k) == pytest.approx(expected)
    predicted = order[:, 0]
    expected = balanced_accuracy_score(own, predicted)
    assert closed_set.mean_per_class(ranks, own) == pytest.approx(expected)
    assert closed_set.top_k(ranks, 1) == pytest.approx(accuracy_score(own, predicted))


def test_an_own_class_beyond_those_looked_at_is_not_among_the_first() -> None:
    assert closed_set.top_k(np.array([0, 1, 6]), 5) == pytest.approx(1 / 3)


def test_auroc_is_that_of_scikit_learn_ties_included() -> None:
    known, strangers = scores_of(1, 80, 1.0), scores_of(2, 50, 0.0)
    truth = np.repeat([1, 0], [80, 50])
    expected = roc_auc_score(truth, np.concatenate([known, strangers]))
    assert open_set.auroc(known, strangers) == pytest.approx(expected)


def test_fpr_at_95_tpr_is_read_off_scikit_learns_curve() -> None:
    known, strangers = scores_of(3, 200, 1.5), scores_of(4, 90, 0.0)
    truth = np.repeat([1, 0], [200, 90])
    fpr, tpr, _ = roc_curve(truth, np.concatenate([known, strangers]), drop_intermediate=False)
    expected = fpr[np.argmax(tpr >= 0.95)]
    assert open_set.fpr_at_tpr(known, strangers) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("fpir", "fnir"),
    [
        (0.0, 0.75),  # above 0.85: only 0.9
        (0.2, 0.5),  # above 0.6: 0.9, 0.7, and 0.8, which is named wrongly
        (0.4, 0.5),  # above 0.5: the same
        (0.6, 0.25),  # above 0.3: 0.4 as well
        (1.0, 0.25),
    ],
)
def test_fnir_at_fpir_counts_refused_and_wrongly_named_queries(fpir: float, fnir: float) -> None:
    assert open_set.fnir_at_fpir(SCORES, CORRECT, STRANGERS, fpir) == pytest.approx(fnir)


def test_tied_strangers_never_exceed_the_fpir() -> None:
    strangers = np.array([0.5, 0.5, 0.5, 0.1])
    assert open_set.threshold_at_fpir(strangers, 0.25) > 0.5
    assert open_set.threshold_at_fpir(strangers, 0.75) <= 0.5


def test_a_third_of_a_stranger_is_enough_to_show_an_fpir() -> None:
    assert open_set.strangers_needed(0.001) == 3000
    assert open_set.strangers_needed(0.01) == 300
    assert open_set.strangers_needed(0.1) == 30


def test_det_pairs_the_rates_at_every_threshold() -> None:
    fpir, fnir = open_set.det(SCORES, CORRECT, STRANGERS)
    # Thresholds .1 .3 .4 .5 .6 .7 .8 .85 .9 and beyond.
    assert fpir == pytest.approx([1, 0.8, 0.6, 0.6, 0.4, 0.2, 0.2, 0.2, 0, 0])
    assert fnir == pytest.approx([0.25, 0.25, 0.25, 0.5, 0.5, 0.5, 0.75, 0.75, 0.75, 1])


def test_oscr_is_the_share_of_pairs_that_rightly_named_queries_win() -> None:
    # 0.9 beats five strangers, 0.7 four, 0.4 two, 0.8 is named wrongly: 11 of 20 pairs.
    assert open_set.oscr(SCORES, CORRECT, STRANGERS) == pytest.approx(11 / 20)


def test_oscr_is_the_area_under_its_curve() -> None:
    known, strangers = scores_of(5, 120, 1.0), scores_of(6, 70, 0.0)
    correct = np.random.default_rng(7).random(120) < 0.8
    x, y = open_set.oscr_curve(known, correct, strangers)
    area = np.trapezoid(y[::-1], x[::-1])
    assert open_set.oscr(known, correct, strangers) == pytest.approx(area)


def test_oscr_is_auroc_where_everything_is_named_right() -> None:
    known, strangers = scores_of(8, 40, 1.0), scores_of(9, 30, 0.0)
    everything = np.ones(40, np.bool_)
    expected = open_set.auroc(known, strangers)
    assert open_set.oscr(known, everything, strangers) == pytest.approx(expected)


def test_scores_of_minus_infinity_are_never_accepted() -> None:
    known, strangers = np.array([1.0, -np.inf]), np.array([-np.inf, 0.0])
    assert open_set.auroc(known, strangers) == pytest.approx((2 + 0.5) / 4)
    x, y = open_set.det(known, np.array([True, False]), strangers)
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()


def test_roc_is_that_of_scikit_learn() -> None:
    genuine, impostors = scores_of(10, 60, 1.0), scores_of(11, 60, 0.0)
    truth = np.repeat([1, 0], 60)
    fpr, tpr, _ = roc_curve(truth, np.concatenate([genuine, impostors]), drop_intermediate=False)
    far, tar = verification.roc(genuine, impostors)
    assert far == pytest.approx(fpr)
    assert tar == pytest.approx(tpr)


def test_the_equal_error_rate_lies_where_scikit_learns_curve_crosses_the_diagonal() -> None:
    genuine, impostors = scores_of(12, 300, 1.0), scores_of(13, 300, 0.0)
    truth = np.repeat([1, 0], 300)
    fpr, tpr, _ = roc_curve(truth, np.concatenate([genuine, impostors]), drop_intermediate=False)
    eer = verification.equal_error_rate(genuine, impostors)
    assert np.interp(eer, fpr, tpr) == pytest.approx(1.0 - eer)


def test_separable_pairs_have_no_equal_error() -> None:
    assert verification.equal_error_rate(np.array([0.8, 0.9]), np.array([0.1, 0.2])) == 0.0


def test_pairs_are_judged_by_a_threshold_chosen_on_other_pairs() -> None:
    # The first fold alone would choose a threshold near 0.5; the second one's lies near 0.85.
    genuine = np.array([0.6, 0.9, 0.7, 1.0])
    impostors = np.array([0.4, 0.8, 0.4, 0.8])
    folds = np.array([0, 1, 0, 1])
    same, different = verification.balanced_verdicts(genuine, impostors, folds)
    assert same.tolist() == [False, True, False, True]
    assert different.tolist() == [True, False, True, False]

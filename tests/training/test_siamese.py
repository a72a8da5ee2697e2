"""The Siamese head: trained in torch, applied in NumPy."""

import math

import numpy as np
import pytest
from scipy import optimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from engine.decision.siamese import SiameseHead
from engine.errors import CalibrationError, TrainingError
from engine.training.pairs import RowPairs, draw_hard_pairs, draw_pairs
from engine.training.siamese import calibrate_head, cross_entropy, fit_head, train_head


def clustered(classes=12, each=8, dimension=16, noise=0.35, seed=0):
    """Unit embeddings around one random direction a class, and their labels."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), each)
    centres = random.normal(size=(classes, dimension))
    vectors = centres[labels] + noise * random.normal(size=(len(labels), dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels


def test_a_hand_computed_pair_gets_its_probability():
    head = SiameseHead(np.array([-2.0, -1.0], np.float32), 3.0)
    first, second = np.array([[1.0, 0.0]], np.float32), np.array([[0.0, 0.5]], np.float32)
    # -2 · 1 - 1 · 0.5 + 3 = 0.5
    assert head.probability(first, second) == pytest.approx([1 / (1 + math.exp(-0.5))])


def test_it_is_symmetric_in_its_arguments():
    vectors, _ = clustered()
    head = SiameseHead(np.linspace(-3, 1, 16).astype(np.float32), 0.7)
    np.testing.assert_array_equal(
        head.probability(vectors[:40], vectors[40:80]),
        head.probability(vectors[40:80], vectors[:40]),
    )


def test_one_embedding_is_compared_with_every_row_of_many():
    vectors, _ = clustered()
    head = SiameseHead(np.linspace(-3, 1, 16).astype(np.float32), 0.7)
    one_by_one = [head.probability(vectors[0], row)[0] for row in vectors]
    np.testing.assert_allclose(head.probability(vectors[0], vectors), one_by_one)


def test_an_extreme_logit_gives_a_probability_without_a_warning():
    head = SiameseHead(np.array([-1e6], np.float32), 0.0)
    apart = head.probability(np.array([[1.0]], np.float32), np.array([[0.0]], np.float32))
    assert 0.0 <= apart[0] < 1e-300


def test_embeddings_of_another_dimension_are_refused():
    head = SiameseHead(np.zeros(3, np.float32), 0.0)
    with pytest.raises(CalibrationError, match=r"dimension 3.*got 2"):
        head.probability(np.zeros((1, 2), np.float32), np.zeros((1, 2), np.float32))


def test_bytes_bring_back_the_same_head():
    head = SiameseHead(np.array([0.1, -7.5, 3e-8], np.float32), -1 / 3)
    back = SiameseHead.from_bytes(head.to_bytes())
    assert back.bias == head.bias
    np.testing.assert_array_equal(back.weights, head.weights)


@pytest.mark.parametrize("cut", [0, 5, 20, -1])
def test_damaged_bytes_are_refused(cut):
    content = SiameseHead(np.ones(4, np.float32), 1.0).to_bytes()
    with pytest.raises(CalibrationError, match="expected a Siamese head"):
        SiameseHead.from_bytes(content[:cut])


def overlapping_pairs():
    vectors, labels = clustered(noise=0.9)
    pairs = draw_pairs(labels, 600, seed=3)
    features = np.abs(vectors[pairs.first] - vectors[pairs.second]).astype(np.float64)
    return vectors, pairs, features * math.sqrt(16)


def test_it_reaches_the_loss_of_scikit_learns_logistic_regression():
    vectors, pairs, features = overlapping_pairs()
    head = fit_head(vectors, pairs, penalty=0.0)
    reference = LogisticRegression(C=np.inf, tol=1e-8, max_iter=5000)
    reference.fit(features, pairs.genuine)
    expected = log_loss(pairs.genuine, reference.predict_proba(features)[:, 1])
    assert cross_entropy(head, vectors, pairs) == pytest.approx(expected, abs=1e-5)
    np.testing.assert_allclose(head.weights / math.sqrt(16), reference.coef_[0], atol=0.01)
    assert head.bias == pytest.approx(reference.intercept_[0], abs=0.02)


def test_its_penalty_agrees_with_scipys_minimum_of_the_same_objective():
    vectors, pairs, features = overlapping_pairs()

    def objective(parameters):
        weights, bias = parameters[:-1], parameters[-1]
        signs = np.where(pairs.genuine, -1.0, 1.0)
        entropy = np.log1p(np.exp(signs * (features @ weights + bias))).mean()
        return entropy + 0.5 * 0.1 * ((weights - weights.mean()) ** 2).sum()

    expected = optimize.minimize(objective, np.zeros(17), method="BFGS").x
    head = fit_head(vectors, pairs, penalty=0.1)
    np.testing.assert_allclose(head.weights / math.sqrt(16), expected[:-1], atol=0.005)
    assert head.bias == pytest.approx(expected[-1], abs=0.02)


def test_a_high_penalty_makes_it_the_city_block_distance():
    vectors, labels = clustered()
    head = fit_head(vectors, draw_pairs(labels, 600, seed=3), penalty=1e4)
    np.testing.assert_allclose(head.weights, head.weights.mean(), rtol=1e-3)
    assert head.weights.mean() < 0


def test_calibration_keeps_the_order_and_lowers_the_loss():
    vectors, labels = clustered()
    pairs = draw_pairs(labels, 400, seed=1)
    boastful = SiameseHead(np.full(16, -40.0, np.float32), 12.0)
    honest = calibrate_head(boastful, vectors, pairs)
    before = boastful.logits(vectors[pairs.first], vectors[pairs.second])
    after = honest.logits(vectors[pairs.first], vectors[pairs.second])
    np.testing.assert_array_equal(np.argsort(before[:50]), np.argsort(after[:50]))
    assert cross_entropy(honest, vectors, pairs) < cross_entropy(boastful, vectors, pairs)


def test_a_head_that_is_wrong_way_round_is_refused():
    vectors, labels = clustered()
    backwards = SiameseHead(np.full(16, 5.0, np.float32), 0.0)
    with pytest.raises(TrainingError, match="rates them below"):
        calibrate_head(backwards, vectors, draw_pairs(labels, 400, seed=1))


def test_its_probabilities_are_true_on_classes_it_never_saw():
    vectors, labels = clustered(classes=60, each=10, noise=0.8)
    seen = labels < 40
    head = train_head(vectors[seen], labels[seen], pairs=4000)
    pairs = draw_pairs(labels[~seen], 4000, seed=9)
    unseen = vectors[~seen]
    told = head.probability(unseen[pairs.first], unseen[pairs.second])
    for low, high in [(0.0, 0.2), (0.2, 0.8), (0.8, 1.0)]:
        inside = (told >= low) & (told <= high)
        assert pairs.genuine[inside].mean() == pytest.approx(told[inside].mean(), abs=0.08)
    assert ((told > 0.5) == pairs.genuine).mean() > 0.8


def test_the_same_seed_trains_the_same_head():
    vectors, labels = clustered()
    first, second = (train_head(vectors, labels, pairs=500, seed=4) for _ in range(2))
    assert first.to_bytes() == second.to_bytes()


def test_pairs_are_balanced_and_what_they_say_they_are():
    _, labels = clustered()
    pairs = draw_pairs(labels, 1000, seed=2)
    assert pairs.genuine.sum() == 500
    np.testing.assert_array_equal(labels[pairs.first] == labels[pairs.second], pairs.genuine)
    assert (pairs.first != pairs.second).all()


def test_half_of_the_impostors_are_near_neighbours():
    vectors, labels = clustered()
    pairs = draw_hard_pairs(vectors, labels, 1000, seed=2, neighbours=3)
    np.testing.assert_array_equal(labels[pairs.first] == labels[pairs.second], pairs.genuine)
    similarities = vectors @ vectors.T
    similarities[labels[:, None] == labels[None, :]] = -np.inf
    third = np.sort(similarities, axis=1)[:, -3]
    impostors = ~pairs.genuine
    near = similarities[pairs.first, pairs.second] >= third[pairs.first]
    assert near[impostors].mean() >= 0.5


def test_pairs_need_two_classes_and_two_pictures_of_one():
    with pytest.raises(TrainingError, match="at least 2 classes"):
        draw_pairs(np.zeros(5, np.int64), 10, seed=0)
    with pytest.raises(TrainingError, match="every class has one"):
        draw_pairs(np.arange(5), 10, seed=0)


def test_pairs_are_a_value():
    pairs = draw_pairs(np.array([0, 0, 1, 1]), 4, seed=0)
    assert isinstance(pairs, RowPairs)
    with pytest.raises(AttributeError):
        pairs.first = pairs.second

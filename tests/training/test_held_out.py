"""Judging embeddings on held-out classes: TPIR at FPIR, by hand and by definition."""

import numpy as np
import pytest

from engine.errors import TrainingError
from engine.training.held_out import compare, tpir_at_fpir


def embeddings(classes=40, each=5, noise=0.5, seed=0):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), each)
    centres = np.random.default_rng(99).normal(size=(classes, 24))
    vectors = centres[labels] + noise * random.normal(size=(len(labels), 24))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels


def test_classes_that_are_points_at_right_angles_are_all_recognised():
    labels = np.repeat(np.arange(8), 3)
    assert tpir_at_fpir(np.eye(8, dtype=np.float32)[labels], labels, 0.01) == 1.0


def test_embeddings_that_are_all_the_same_recognise_nothing():
    # every stranger scores 1, so does every query: no threshold lets one pass without the other
    same = np.tile(np.array([1.0, 0.0], np.float32), (24, 1))
    assert tpir_at_fpir(same, np.repeat(np.arange(8), 3), 0.01) == 0.0


def test_two_classes_of_eight_that_coincide_cost_what_they_must():
    # Classes 0 and 1 share a point, the others stand at right angles; 3 pictures each.
    # Both in one half: enrolled, two of their four queries get the other's label, so 6 of 8 are
    # right; as strangers they meet nothing like them, so 8 of 8. The mean is 0.875.
    # One in each half: 3 of 12 strangers look like an enrolled class. If 1 % may pass, none does,
    # nor does any query: 0. If 30 % may, they do, and every query with them: 1.
    labels = np.repeat(np.arange(8), 3)
    points = np.eye(8, dtype=np.float32)[np.where(labels == 1, 0, labels)]
    strict, lax = (tpir_at_fpir(points, labels, fpir) for fpir in (0.01, 0.3))
    in_one_half = strict / 0.875  # the share of divisions that put both in one half
    assert 4 * in_one_half == pytest.approx(round(4 * in_one_half))
    assert lax == pytest.approx(strict + (1 - in_one_half))


def test_the_share_of_strangers_let_in_is_what_was_asked_for():
    vectors, labels = embeddings(noise=1.0)
    figures = [tpir_at_fpir(vectors, labels, fpir) for fpir in (0.01, 0.05, 0.2, 0.5)]
    assert figures == sorted(figures)
    assert figures[0] < figures[-1]


def test_better_embeddings_show_a_gain_whose_interval_excludes_nothing():
    worse, labels = embeddings(noise=1.0)
    better, _ = embeddings(noise=0.6)
    found = compare(worse, better, labels, 0.05)
    assert found.before.value == pytest.approx(tpir_at_fpir(worse, labels, 0.05))
    assert found.after.value == pytest.approx(tpir_at_fpir(better, labels, 0.05))
    assert found.gain.value == pytest.approx(found.after.value - found.before.value)
    assert 0 < found.gain.low < found.gain.value < found.gain.high
    assert found.before.low < found.before.value < found.before.high


def test_the_same_embeddings_show_no_gain():
    vectors, labels = embeddings()
    gain = compare(vectors, vectors, labels, 0.05).gain
    assert (gain.value, gain.low, gain.high) == (0.0, 0.0, 0.0)


def test_classes_with_one_picture_serve_as_strangers():
    vectors, labels = embeddings(classes=10, each=3)
    kept = np.concatenate([np.arange(0, 30, 3), np.arange(1, 12, 3)])  # six classes keep one
    assert 0.0 <= tpir_at_fpir(vectors[kept], labels[kept], 0.2) <= 1.0


def test_too_few_classes_or_pictures_are_refused():
    vectors, labels = embeddings(classes=3)
    with pytest.raises(TrainingError, match="at least 4 held-out classes"):
        tpir_at_fpir(vectors, labels, 0.1)
    vectors, labels = embeddings(classes=6, each=1)
    with pytest.raises(TrainingError, match="of which 0 have as many"):
        tpir_at_fpir(vectors, labels, 0.1)

"""Judging embeddings before and after: TPIR at FPIR, by hand and by definition."""

import numpy as np
import pytest

from engine.errors import TrainingError
from engine.training.judging import Trial, compare, tpir_at_fpir


def trial(classes=40, each=5, noise=0.5, seed=0, bystanders=0):
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(classes + bystanders, 24))
    labels = np.repeat(np.arange(classes), each)
    queries = centres[labels] + noise * random.normal(size=(len(labels), 24))
    return Trial(unit(centres), np.arange(classes + bystanders), unit(queries), labels)


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def points(examples, queries, labels):
    """A trial whose classes and queries stand at the corners of a cube of eight dimensions."""
    eye = np.eye(8, dtype=np.float32)
    return Trial(eye[examples], np.arange(len(examples)), eye[queries], np.array(labels))


def test_queries_like_their_examples_are_all_recognised():
    assert tpir_at_fpir(points(range(8), [*range(8)] * 2, [*range(8)] * 2), 0.01) == 1.0


def test_embeddings_that_are_all_the_same_recognise_nothing():
    # every stranger scores 1, so does every query: no threshold lets one pass without the other
    assert tpir_at_fpir(points([0] * 8, [0] * 8, range(8)), 0.01) == 0.0


def test_two_classes_of_eight_that_coincide_cost_what_they_must():
    # Classes 0 and 1 share a point, the others stand at right angles; three queries each.
    # Both in one half: enrolled, the queries of one get the other's label, 9 of 12 are right; as
    # strangers they meet nothing like them, 12 of 12 are right. The mean is 0.875.
    # One in each half: 3 of 12 strangers look like an enrolled class. If 1 % may pass, none does,
    # nor does any query: 0. If 30 % may, they do, and every query with them: 1.
    at = [0, 0, 2, 3, 4, 5, 6, 7]
    judged = points(at, np.repeat(at, 3), np.repeat(np.arange(8), 3))
    strict, lax = (tpir_at_fpir(judged, fpir) for fpir in (0.01, 0.3))
    in_one_half = strict / 0.875  # the share of divisions that put both in one half
    assert 4 * in_one_half == pytest.approx(round(4 * in_one_half))
    assert lax == pytest.approx(strict + (1 - in_one_half))


def test_bystanders_are_enrolled_too():
    # a bystander where class 0 stands takes its queries, whichever half is enrolled: argmax gives
    # the first of equals, and the bystander is listed first
    eye = np.eye(8, dtype=np.float32)
    labels = np.array([8, 0, 1, 2, 3, 4, 5, 6, 7])
    judged = Trial(eye[[0, 0, 1, 2, 3, 4, 5, 6, 7]], labels, eye, np.arange(8))
    found = compare(judged, judged, (0.3,))
    assert found["top-1"].before.value == pytest.approx(7 / 8)


def test_the_share_of_strangers_let_in_is_what_was_asked_for():
    judged = trial(noise=1.0)
    figures = [tpir_at_fpir(judged, fpir) for fpir in (0.01, 0.05, 0.2, 0.5)]
    assert figures == sorted(figures)
    assert figures[0] < figures[-1]


def test_better_embeddings_show_a_gain_whose_interval_excludes_nothing():
    worse, better = trial(noise=1.0, bystanders=20), trial(noise=0.6, bystanders=20)
    found = compare(worse, better, (0.01, 0.05))
    assert set(found) == {"top-1", "TPIR at 1 % FPIR", "TPIR at 5 % FPIR"}
    figure = found["TPIR at 5 % FPIR"]
    assert figure.before.value == pytest.approx(tpir_at_fpir(worse, 0.05))
    assert figure.after.value == pytest.approx(tpir_at_fpir(better, 0.05))
    assert figure.gain.value == pytest.approx(figure.after.value - figure.before.value)
    assert 0 < figure.gain.low < figure.gain.value < figure.gain.high
    assert figure.before.low < figure.before.value < figure.before.high


def test_the_same_embeddings_show_no_gain():
    judged = trial()
    gain = compare(judged, judged, (0.05,))["TPIR at 5 % FPIR"].gain
    assert (gain.value, gain.low, gain.high) == (0.0, 0.0, 0.0)


def test_too_few_classes_are_refused():
    with pytest.raises(TrainingError, match="at least 4 classes to judge by, but got 3"):
        tpir_at_fpir(trial(classes=3), 0.1)

"""The threshold of each class, as listed: the one that decisions are made by."""

import math

import pytest

from engine.gallery import class_thresholds
from engine.recognizer import Recognizer
from tests.conftest import quarters


def test_a_listed_threshold_is_the_one_a_decision_is_made_by(recognizer: Recognizer) -> None:
    for seed in range(12):
        recognizer.enroll(str(seed), quarters(seed))
    recognizer.gallery.classes.pin("3", 0.75)
    snapshot = recognizer.gallery.snapshot()

    listed = class_thresholds(snapshot, sorted(snapshot.labels))

    for seed in range(12):
        decision = recognizer.recognize(quarters(seed))
        assert listed[decision.candidates[0].class_id] == pytest.approx(decision.threshold)
    assert listed[recognizer.gallery.catalog.ask(lambda read: read.classes.id_of("3"))] == 0.75


def test_a_class_that_never_had_an_example_has_no_threshold(recognizer: Recognizer) -> None:
    recognizer.enroll("a", quarters(1))
    with recognizer.gallery.catalog.write() as transaction:
        empty = transaction.classes.ensure("empty", {})

    assert math.isnan(class_thresholds(recognizer.gallery.snapshot(), [empty])[empty])

"""The scikit-learn classifier."""

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from engine import OneShotClassifier
from engine.testing.fake_backbone import FakeBackbone
from tests.conftest import quarters


def fitted(**given: object) -> OneShotClassifier:
    classifier = OneShotClassifier(FakeBackbone(), **given)  # type: ignore[arg-type]
    return classifier.fit([quarters(s) for s in range(30)], [f"c{s:02}" for s in range(30)])


def test_it_learns_from_one_picture_a_class() -> None:
    predicted = fitted().predict([quarters(3), quarters(17, size=64)])

    assert predicted.tolist() == ["c03", "c17"]


def test_strangers_get_the_label_for_unknown() -> None:
    grey = Image.new("RGB", (32, 32), (128, 128, 128))

    assert fitted(unknown="?").predict([grey]).tolist() == ["?"]
    assert fitted(unknown=None).predict([grey])[0].startswith("c")


def test_the_decision_function_holds_every_classs_similarity() -> None:
    classifier = fitted()

    similarities = classifier.decision_function([quarters(5)])

    assert similarities.shape == (1, 30)
    assert classifier.classes_[similarities[0].argmax()] == "c05"
    assert similarities[0].max() == pytest.approx(1.0, abs=1e-4)


def test_labels_may_be_numbers_and_classes_may_have_several_pictures() -> None:
    classifier = OneShotClassifier(FakeBackbone(), unknown=-1)
    classifier.fit([quarters(s) for s in range(20)], [s // 2 for s in range(20)])

    assert classifier.classes_.tolist() == list(range(10))
    assert classifier.predict([quarters(7)]).tolist() == [3]


def test_it_follows_the_estimator_contract() -> None:
    classifier = OneShotClassifier(unknown="?", target_fpir=0.01)

    assert clone(classifier).get_params() == classifier.get_params()
    with pytest.raises(NotFittedError):
        classifier.predict([quarters(1)])
    with pytest.raises(ValueError, match="1 pictures and 2 labels"):
        classifier.fit([quarters(1)], ["a", "b"])
    assert np.isclose(fitted().score([quarters(1), quarters(2)], ["c01", "c02"]), 1.0)

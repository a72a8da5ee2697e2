"""The scikit-learn classifier."""

from __future__ import annotations

import copy
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from engine import OneShotClassifier, load_backbone
from engine.errors import SpaceMismatchError
from engine.testing.fake_backbone import FakeBackbone
from tests.conftest import quarters

GREY = Image.new("RGB", (32, 32), (128, 128, 128))
"""Like nothing that is enrolled."""


def fitted(**given: object) -> OneShotClassifier:
    classifier = OneShotClassifier(FakeBackbone(), **given)  # type: ignore[arg-type]
    return classifier.fit([quarters(s) for s in range(30)], [f"c{s:02}" for s in range(30)])


def test_it_learns_from_one_picture_a_class() -> None:
    predicted = fitted().predict([quarters(3), quarters(17, size=64)])

    assert predicted.tolist() == ["c03", "c17"]


def test_strangers_get_the_label_for_unknown() -> None:
    assert fitted(unknown="?").predict([GREY]).tolist() == ["?"]
    assert fitted(unknown=None).predict([GREY])[0].startswith("c")


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


KINDS: list[tuple[Any, list[Any], str]] = [
    (-1, list(range(30)), "i"),
    ("unknown", list(range(30)), "O"),
    (math.nan, [s / 4 for s in range(30)], "f"),
    (-1, [s / 4 for s in range(30)], "f"),
    ("unknown", [s / 4 for s in range(30)], "O"),
    ("unknown", [bool(s % 2) for s in range(30)], "O"),
    ("a stranger, at length", [f"c{s}" for s in range(30)], "U"),
    (None, list(range(30)), "i"),
]


@pytest.mark.parametrize(("unknown", "labels", "kind"), KINDS)
def test_labels_keep_their_values_and_type_beside_strangers(
    unknown: Any, labels: list[Any], kind: str
) -> None:
    pictures = [quarters(s) for s in range(30)]
    classifier = OneShotClassifier(FakeBackbone(), unknown=unknown).fit(pictures, labels)

    known, mixed = classifier.predict(pictures[:3]), classifier.predict([*pictures[:3], GREY])

    assert known.dtype == mixed.dtype
    assert mixed.dtype.kind == kind
    assert mixed.tolist()[:3] == known.tolist() == labels[:3]
    assert all(type(each) is type(labels[0]) for each in mixed.tolist()[:3])
    if unknown is not None:
        np.testing.assert_equal(mixed.tolist()[3], unknown)
    assert classifier.score(pictures, labels) == 1.0


def test_unknown_is_right_for_a_stranger_and_wrong_for_a_class() -> None:
    pictures = [quarters(1), quarters(2), GREY, GREY]
    expected = ["c01", "c00", "unknown", "c03"]

    assert fitted().score(pictures, expected) == 0.5
    assert fitted().score(pictures, expected, sample_weight=[1, 0, 1, 0]) == 1.0
    assert accuracy_score(expected, fitted().predict(pictures)) == 0.5


@pytest.mark.parametrize("labels", [["unknown", "b"], ["b", "unknown"]])
def test_a_class_may_not_be_called_as_strangers_are(labels: list[str]) -> None:
    with pytest.raises(ValueError, match="'unknown' is one of them"):
        OneShotClassifier(FakeBackbone()).fit([quarters(1), quarters(2)], labels)


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ([1.0, math.nan], "finite labels"),
        ([None, None], "a label for every picture"),
        (np.array([1, "a"], object), "of one type"),
        (np.array(["2020-01-01"] * 2, "datetime64[D]"), "text or numbers"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        OneShotClassifier(FakeBackbone()).fit([quarters(1), quarters(2)], labels)


@pytest.mark.parametrize(
    "parameters",
    [
        {"target_fpir": 0},
        {"target_fpir": 1.0},
        {"target_fpir": 2},
        {"target_fpir": math.nan},
        {"target_fpir": "0.05"},
        {"target_fpir": True},
        {"backbone": 3},
        {"unknown": ["unknown"]},
    ],
)
def test_parameters_are_checked_when_it_is_fitted(parameters: dict[str, Any]) -> None:
    classifier = OneShotClassifier(**{"backbone": FakeBackbone(), **parameters})

    with pytest.raises(ValueError, match=next(iter(parameters))):
        classifier.fit([quarters(1)], ["a"])


@given(target=st.one_of(st.floats(), st.integers(), st.text(), st.none()))
def test_every_target_either_fits_or_is_a_value_error(target: Any) -> None:
    classifier = OneShotClassifier(FakeBackbone(), target_fpir=target)
    inside = isinstance(target, float) and 0 < target < 1
    try:
        classifier.fit([quarters(1), quarters(2)], ["a", "b"])
    except ValueError:
        assert not inside
    else:
        assert inside


@pytest.mark.parametrize(
    "one", ["a.png", b"...", Path("a.png"), GREY, np.zeros((8, 8, 3), "u1"), 3]
)
def test_one_picture_instead_of_several_is_refused_in_a_sentence(one: Any) -> None:
    with pytest.raises(ValueError, match=r"expected a sequence of pictures.*put it into a list"):
        fitted().predict(one)
    with pytest.raises(ValueError, match="expected a sequence of pictures"):
        OneShotClassifier(FakeBackbone()).fit(one, ["a"])


def test_a_stack_of_pictures_is_a_sequence() -> None:
    stack = np.stack([np.asarray(quarters(s)) for s in (3, 17)])

    assert fitted().predict(stack).tolist() == ["c03", "c17"]


def test_a_fitted_one_is_pickled_and_copied_with_its_vectors() -> None:
    classifier = fitted(unknown="?")
    pictures = [quarters(3), GREY]

    for again in (pickle.loads(pickle.dumps(classifier)), copy.deepcopy(classifier)):
        assert again.decide(pictures) == classifier.decide(pictures)
        assert again.get_params().keys() == classifier.get_params().keys()


@pytest.mark.weights
def test_it_is_saved_by_its_backbones_name() -> None:
    backbone = load_backbone("efficientnet-lite0")
    pictures, labels = [quarters(s, 64) for s in range(3)], [4, 5, 6]
    classifier = OneShotClassifier(backbone, unknown=-1).fit(pictures, labels)

    data = pickle.dumps(classifier)

    assert len(data) < 100_000
    assert pickle.loads(data).predict(pictures).tolist() == classifier.predict(pictures).tolist()
    assert clone(classifier).backbone is backbone


def test_another_backbone_than_it_was_fitted_with_is_refused() -> None:
    again = pickle.loads(pickle.dumps(fitted()))
    again.backbone = FakeBackbone(variant=1)

    with pytest.raises(SpaceMismatchError, match="fit it again"):
        again.predict([GREY])


def test_it_works_in_a_pipeline_a_search_and_across_folds() -> None:
    pictures = [quarters(s) for s in range(12)] * 2
    labels = list(range(12)) * 2
    classifier = OneShotClassifier(FakeBackbone())
    turned = FunctionTransformer(lambda images: [image.rotate(0) for image in images])

    assert make_pipeline(turned, classifier).fit(pictures, labels).score(pictures, labels) == 1.0
    scores = cross_val_score(classifier, pictures, labels, cv=2, error_score="raise")
    assert scores.tolist() == [1.0, 1.0]
    search = GridSearchCV(classifier, {"unknown": [-1, None]}, cv=2, error_score="raise")
    assert search.fit(pictures, labels).best_score_ == 1.0

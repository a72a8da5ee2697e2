"""scikit-learn's own checks of estimators, run over the classifier.

They speak in tables of numbers, and the classifier takes pictures, so `Rows` draws each row as one;
what it does besides is what scikit-learn asks of anything that takes tables. `NOT_APPLYING` lists
the checks that it doesn't pass, and why.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from engine import OneShotClassifier
from engine.testing.fake_backbone import FakeBackbone

COLUMNS = (
    "for two classes, too, decision_function gives the similarity to each: one column would be "
    "the difference, which says nothing of strangers"
)
NOT_APPLYING = {
    "check_classifiers_classes": COLUMNS,
    "check_classifiers_train": COLUMNS,
    "check_classifiers_regression_target": "labels may be any numbers, prices for one",
}


class Rows(OneShotClassifier):
    """Each row drawn as a picture of four quarters: its first twelve numbers are their colours."""

    def fit(self, X: Any, y: Any) -> Rows:  # noqa: N803 - scikit-learn's names
        X, y = validate_data(self, X, y, dtype="numeric")  # noqa: N806
        self._least, self._most = X.min(axis=0), X.max(axis=0)
        super().fit(self._drawn(X), y)
        return self

    def _queries(self, images: Any) -> Any:
        check_is_fitted(self)
        return super()._queries(self._drawn(validate_data(self, images, reset=False)))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        return super().score(X, y, sample_weight)

    def _drawn(self, rows: npt.NDArray[Any]) -> list[Any]:
        reach = np.where(self._most > self._least, self._most - self._least, 1)
        colours = np.zeros((len(rows), 12), np.uint8)
        scaled = np.clip((rows - self._least) / reach, 0, 1) * 255
        colours[:, : min(12, rows.shape[1])] = scaled[:, :12]
        return [each.reshape(2, 2, 3).repeat(4, axis=0).repeat(4, axis=1) for each in colours]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.no_validation = False
        return tags


@parametrize_with_checks(
    [Rows(FakeBackbone(), unknown=None)], expected_failed_checks=lambda _estimator: NOT_APPLYING
)
@pytest.mark.filterwarnings("ignore")  # the checks' own
def test_what_scikit_learn_checks_of_estimators(estimator: Any, check: Any) -> None:
    check(estimator)

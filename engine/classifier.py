"""A scikit-learn classifier that learns each class from one picture and may answer "unknown"."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from io import IOBase
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from .backbones import Backbone, load_backbone
from .errors import SpaceMismatchError
from .features import Embedder, FeatureExtractor
from .gallery import Snapshot, decide_queries
from .gallery.deciding.left_out import calibrate_on_gallery
from .images import ImageSource
from .projections import Projection, shipped_cohort, shipped_projection
from .slim import needing
from .types import Decision, FloatArray

with needing("OneShotClassifier"):
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils.validation import check_is_fitted, column_or_1d

_MADE_AGAIN = ("snapshot_", "_extractor")


class OneShotClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """One-shot open-set classification of pictures, with its gallery in memory.

    Pictures are whatever `Recognizer` accepts: paths, bytes, file objects, PIL images,
    `(H, W, 3) uint8` arrays. Labels are text, whole numbers, numbers or booleans, and keep their
    values and type in the answers. Where `unknown` is of another type than the labels, the answers
    are an array of objects, which `score` takes but scikit-learn's metrics don't: for them, choose
    a value like the labels, such as -1 for whole numbers.

    A fitted classifier can be pickled and copied; it is saved as its parameters, its pictures'
    embeddings and its backbone's name, and loads the backbone again when it is first asked.

    Args:
        backbone: a backbone's name, or a loaded one.
        unknown: what `predict` answers for strangers, which no label may equal; None answers the
            nearest class always.
        target_fpir: the share of strangers that may get a label, in (0, 1).
        device, runtime: as for `Recognizer.open`.

    Attributes:
        classes_: `(n,)`: the labels, sorted, without `unknown`.
        embeddings_: `(pictures, dim) float32`, unit rows: what it learned.
        space_: what makes them comparable.
        snapshot_: the gallery in memory.

    Example:
        >>> classifier = OneShotClassifier(unknown="unknown")
        >>> classifier.fit(["cat.jpg", "dog.jpg"], ["cat", "dog"])  # doctest: +SKIP
        >>> classifier.predict(["another_cat.jpg"])  # doctest: +SKIP
        array(['cat'], dtype='<U7')
    """

    def __init__(
        self,
        backbone: str | Backbone = "onelook-lite0",
        *,
        unknown: Any = "unknown",
        target_fpir: float = 0.05,
        device: str = "auto",
        runtime: str = "auto",
    ) -> None:
        self.backbone = backbone
        self.unknown = unknown
        self.target_fpir = target_fpir
        self.device = device
        self.runtime = runtime

    def fit(self, images: Sequence[ImageSource], labels: Sequence[Any]) -> OneShotClassifier:
        """Enroll pictures; one of each class is enough.

        Raises:
            ImageError: a picture can't be read.
            BackboneError: there is no such backbone, device or runtime.
            ValueError: there are no pictures, not as many labels as pictures, labels that are no
                classes or equal `unknown`, or a parameter that can't be used.
        """
        self._check_parameters()
        pictures = _several(images)
        if not len(pictures) or len(pictures) != len(labels):
            raise ValueError(
                f"expected one label for each of at least one picture, "
                f"but got {len(pictures)} pictures and {len(labels)} labels"
            )
        classes, numbers = _classes(labels)
        if self.unknown is not None and any(self.unknown == each for each in classes.tolist()):
            raise ValueError(
                f"expected labels other than `unknown`, but {self.unknown!r} is one of them; "
                "give `unknown` another value, or None"
            )
        self._extractor = self._loaded()
        self.space_ = self._extractor.space
        self.embeddings_ = self._extractor.embed(pictures)
        self.classes_, self._numbers = classes, numbers
        self.snapshot_ = self._snapshot()
        return self

    def predict(self, images: Sequence[ImageSource]) -> npt.NDArray[Any]:
        """`(n,)`: each picture's class, or `unknown`.

        Raises:
            ImageError: a picture can't be read.
            ValueError: one picture was given, not a sequence of them.
        """
        decisions = self.decide(images)
        answers = np.empty(len(decisions), self._answers_type())
        for row, decision in enumerate(decisions):
            if decision.known or self.unknown is None:
                number = decision.candidates[0].class_id
                answers[row] = self.classes_[number : number + 1].tolist()[0]
            else:
                answers[row] = self.unknown
        return answers

    def score(
        self,
        images: Sequence[ImageSource],
        labels: Sequence[Any],
        sample_weight: npt.ArrayLike | None = None,
    ) -> float:
        """The share of pictures that are answered right; `unknown` is right for a stranger."""
        answers = self.predict(images).tolist()
        expected = np.asarray(labels, object).tolist()
        if len(expected) != len(answers):
            raise ValueError(
                f"expected a label for each of {len(answers)} pictures, but got {len(expected)}"
            )
        right = [answer == label for answer, label in zip(answers, expected, strict=True)]
        return float(
            np.average(right, weights=None if sample_weight is None else np.asarray(sample_weight))
        )

    def decide(self, images: Sequence[ImageSource]) -> list[Decision]:
        """The decisions behind `predict`, with their evidence; labels are written as text there."""
        queries = self._queries(images)
        names = [f"<picture {n}>" for n in range(1, len(queries) + 1)]
        return decide_queries(self.snapshot_, queries, names)

    def decision_function(self, images: Sequence[ImageSource]) -> FloatArray:
        """`(n, n_classes) float32`: the similarity of each picture to each class of `classes_`."""
        queries = self._queries(images)
        similarities = np.full((len(queries), len(self.classes_)), -1.0, np.float32)
        for row, ranking in enumerate(self.snapshot_.rank(queries, len(self.classes_))):
            similarities[row, ranking.class_ids] = ranking.similarities
        return similarities

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        return {name: value for name, value in state.items() if name not in _MADE_AGAIN}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "embeddings_"):
            self.snapshot_ = self._snapshot()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False  # pictures
        tags.no_validation = True
        return tags

    def _check_parameters(self) -> None:
        target = self.target_fpir
        number = isinstance(target, int | float | np.number) and not isinstance(target, bool)
        if not number or not math.isfinite(target) or not 0 < target < 1:
            raise ValueError(f"expected target_fpir in (0, 1), but got {target!r}")
        if not isinstance(self.backbone, str | Backbone):
            raise ValueError(
                f"expected a backbone's name or a loaded one, but got {self.backbone!r}"
            )
        if self.unknown is not None and not isinstance(
            self.unknown, str | int | float | np.generic
        ):
            raise ValueError(
                f"expected `unknown` to be text, a number or None, but got {self.unknown!r}"
            )

    def _queries(self, images: Sequence[ImageSource]) -> FloatArray:
        """`(n, dim) float32`, unit rows, in the searched space."""
        check_is_fitted(self)
        embeddings = self._extractor_again().embed(_several(images))
        return self.snapshot_.projection.apply_queries(embeddings)

    def _snapshot(self) -> Snapshot:
        space = self.space_
        snapshot = Snapshot.in_memory(
            space=space,
            projection=shipped_projection(space) or Projection.identity(space.dimension),
            example_ids=np.arange(1, len(self.embeddings_) + 1),
            class_ids=self._numbers,
            embeddings=self.embeddings_,
            labels={number: str(label) for number, label in enumerate(self.classes_)},
            shipped=shipped_cohort(space),
            target_fpir=float(self.target_fpir),
        )
        return replace(snapshot, calibration=calibrate_on_gallery(snapshot))

    def _loaded(self) -> FeatureExtractor:
        backbone = self.backbone
        if not isinstance(backbone, Backbone):
            backbone = load_backbone(backbone, device=self.device, runtime=self.runtime)
        return FeatureExtractor(Embedder(backbone))

    def _extractor_again(self) -> FeatureExtractor:
        """The extractor; loaded now, where this was unpickled.

        Raises:
            SpaceMismatchError: the backbone isn't the one that it was fitted with.
        """
        found: FeatureExtractor | None = getattr(self, "_extractor", None)
        if found is None:
            found = self._loaded()
            if found.space.id != self.space_.id:
                raise SpaceMismatchError(
                    f"this classifier was fitted with {self.space_.backbone!r} (space "
                    f"{self.space_.id}), but {found.backbone.name!r} is space {found.space.id} "
                    "here; install the same versions, or fit it again"
                )
            self._extractor = found
        return found

    def _answers_type(self) -> np.dtype[Any]:
        """The labels' own, wide enough for `unknown`; of objects, where that is of another kind."""
        labels: np.dtype[Any] = self.classes_.dtype
        if self.unknown is None:
            return labels
        unknown = np.asarray(self.unknown).dtype
        alike = unknown.kind == labels.kind or (labels.kind + unknown.kind) in ("iu", "ui", "fi")
        return np.result_type(labels, unknown) if alike else np.dtype(object)


def _several(images: Any) -> list[ImageSource]:
    """The pictures as a list.

    Raises:
        ValueError: it is one picture, not a sequence of them.
    """
    one = isinstance(images, str | bytes | os.PathLike | IOBase | Image.Image) or (
        isinstance(images, np.ndarray) and images.ndim in (0, 3)
    )
    if one or not hasattr(images, "__len__"):
        got = f"{images!r:.80}" if isinstance(images, str | os.PathLike) else type(images).__name__
        raise ValueError(
            f"expected a sequence of pictures, but got {'one: ' if one else ''}{got}; "
            "put it into a list"
        )
    return list(images)


def _classes(labels: Sequence[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """The different labels, sorted, and which of them each picture has."""
    column = column_or_1d(np.asarray(labels), warn=True)
    if column.dtype.kind not in "biufUO":
        raise ValueError(f"expected labels that are text or numbers, but got {column.dtype}")
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        raise ValueError("expected finite labels, but got NaN or infinity")
    if column.dtype.kind == "O" and any(each is None or each != each for each in column):
        raise ValueError("expected a label for every picture, but got None or NaN")
    try:
        classes, numbers = np.unique(column, return_inverse=True)
    except TypeError as error:
        raise ValueError(f"expected labels of one type, but got several ({error})") from None
    return classes, numbers.astype(np.int64)

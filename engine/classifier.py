"""A scikit-learn classifier that learns each class from one picture and may answer "unknown"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from engine.backbones import Backbone, load_backbone
from engine.features import Embedder, FeatureExtractor
from engine.gallery import Snapshot, decide_queries
from engine.gallery.deciding.left_out import calibrate_on_gallery
from engine.images import ImageSource
from engine.projections import Projection, shipped_cohort, shipped_projection
from engine.types import Decision, FloatArray


class OneShotClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """One-shot open-set classification of pictures, with its gallery in memory.

    Pictures are whatever `Recognizer` accepts: paths, bytes, file objects, PIL images,
    `(H, W, 3) uint8` arrays.

    Args:
        backbone: a backbone's name, or a loaded one.
        unknown: what `predict` answers for strangers; None answers the nearest class always.
        target_fpir: the share of strangers that may get a label, in (0, 1).
        device, runtime: as for `Recognizer.open`.

    Attributes:
        classes_: `(n,)`: the labels, sorted, without `unknown`.
        snapshot_: the gallery in memory.

    Example:
        >>> classifier = OneShotClassifier(unknown="unknown")
        >>> classifier.fit(["cat.jpg", "dog.jpg"], ["cat", "dog"])  # doctest: +SKIP
        >>> classifier.predict(["another_cat.jpg"])  # doctest: +SKIP
        array(['cat'], dtype='<U7')
    """

    def __init__(
        self,
        backbone: str | Backbone = "efficientnet-lite0",
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
            ValueError: there are no pictures, or not as many labels as pictures.
        """
        if len(images) != len(labels) or not len(images):
            raise ValueError(
                f"expected one label for each of at least one picture, "
                f"but got {len(images)} pictures and {len(labels)} labels"
            )
        self.extractor_ = FeatureExtractor(Embedder(self._loaded_backbone()))
        space = self.extractor_.space
        embeddings = self.extractor_.embed(images)
        projection = shipped_projection(space) or Projection.identity(space.dimension)
        self.classes_, numbers = np.unique(np.asarray(labels), return_inverse=True)
        ids = np.arange(1, len(images) + 1)
        snapshot = Snapshot.in_memory(
            space=space,
            projection=projection,
            example_ids=ids,
            class_ids=numbers,
            embeddings=embeddings,
            labels={number: str(label) for number, label in enumerate(self.classes_)},
            shipped=shipped_cohort(space),
            target_fpir=self.target_fpir,
        )
        self.snapshot_ = replace(snapshot, calibration=calibrate_on_gallery(snapshot))
        return self

    def predict(self, images: Sequence[ImageSource]) -> npt.NDArray[Any]:
        """`(n,)`: each picture's class, or `unknown`.

        Raises:
            ImageError: a picture can't be read.
        """
        answers = [
            self.unknown
            if self.unknown is not None and not decision.known
            else self.classes_[decision.candidates[0].class_id]
            for decision in self.decide(images)
        ]
        return np.array(answers)

    def decide(self, images: Sequence[ImageSource]) -> list[Decision]:
        """The decisions behind `predict`, with their evidence."""
        check_is_fitted(self)
        queries = self.snapshot_.projection.apply_queries(self.extractor_.embed(images))
        names = [f"<picture {n}>" for n in range(1, len(images) + 1)]
        return decide_queries(self.snapshot_, queries, names)

    def decision_function(self, images: Sequence[ImageSource]) -> FloatArray:
        """`(n, n_classes) float32`: the similarity of each picture to each class of `classes_`."""
        check_is_fitted(self)
        queries = self.snapshot_.projection.apply_queries(self.extractor_.embed(images))
        similarities = np.full((len(images), len(self.classes_)), -1.0, np.float32)
        for row, ranking in enumerate(self.snapshot_.rank(queries, len(self.classes_))):
            similarities[row, ranking.class_ids] = ranking.similarities
        return similarities

    def _loaded_backbone(self) -> Backbone:
        if isinstance(self.backbone, Backbone):
            return self.backbone
        return load_backbone(self.backbone, device=self.device, runtime=self.runtime)

"""All that ranking and deciding need, in memory: no database, no files.

A gallery's view of its catalog is one; a classifier that keeps its examples in memory has one too.
"""

from __future__ import annotations

import numpy as np

from engine.decision import Calibration, Moments
from engine.decision.trained_head import TrainedHead
from engine.gallery.cohort import Cohort
from engine.gallery.ranking import rank
from engine.gallery.reranking import rerank
from engine.gallery.statistics import StatisticsTable, statistics_of
from engine.gallery.table import ExampleTable
from engine.indexes import VectorIndex
from engine.projections import Projection
from engine.types import Candidate, FloatArray, IntArray, Ranking

COHORT_DRIFT = 0.05


class Matcher:
    """Ranks classes and knows what their thresholds rest on; used by any number of threads.

    Attributes:
        space_id: the id of the searched space.
        projection: from the backbone's embeddings to the searched space.
        index: over the examples' projected vectors.
        table: the examples' classes and the classes' labels.
        statistics: the classes', in the searched space.
        pins: thresholds set by the user, by class id.
        calibration: what the computed thresholds rest on.
        target_fpir: the share of strangers that may get a label, in (0, 1).
        head: the Siamese head in force, or None.
    """

    def __init__(
        self,
        *,
        space_id: str,
        projection: Projection,
        index: VectorIndex,
        table: ExampleTable,
        shipped: FloatArray,
        target_fpir: float,
    ) -> None:
        """`shipped (n, dim) float32`: unit embeddings that stand for impostors, unprojected."""
        self.space_id = space_id
        self.projection = projection
        self.index = index
        self.table = table
        self.target_fpir = target_fpir
        self.statistics = StatisticsTable()
        self.pins: dict[int, float] = {}
        self.calibration = Calibration.empty()
        self.head: TrainedHead | None = None
        self._shipped = projection.apply(shipped)
        self._cohort: Cohort | None = None
        self._cohort_drift = 0

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.table.labels)

    @property
    def level(self) -> float:
        """The least normalised score that is accepted now."""
        return self.calibration.level(self.target_fpir, self.classes)

    def cohort(self) -> Cohort:
        """The impostors that classes are compared with, drawn again when the gallery has moved."""
        cohort = self._cohort
        if cohort is None or self._cohort_drift > COHORT_DRIFT * len(cohort):
            cohort = Cohort.sample(self.index, self.table, self._shipped)
            self._cohort, self._cohort_drift = cohort, 0
        return cohort

    def rank(self, queries: FloatArray, k: int) -> list[Ranking]:
        """The k nearest classes of each query `(m, dim) float32`, unit rows, by similarity."""
        return rank(self.index, self.table, queries, k)

    def reranked(self, queries: FloatArray, rankings: list[Ranking]) -> list[Ranking]:
        """Rankings in the order that decisions are made in: the head's, where one is in force."""
        if self.head is None:
            return rankings
        return rerank(self.head.siamese, self.index, queries, rankings)

    def candidates(self, ranking: Ranking, k: int | None = None) -> tuple[Candidate, ...]:
        """The first k of a ranking, by label; a class removed this very moment is left out."""
        labels = self.table.labels
        return tuple(
            Candidate(label, similarity, class_id, example_id)
            for class_id, example_id, similarity in zip(
                ranking.class_ids[:k].tolist(),
                ranking.example_ids[:k].tolist(),
                ranking.similarities[:k].tolist(),
                strict=True,
            )
            if (label := labels.get(class_id)) is not None
        )

    def moments_of(self, class_ids: IntArray) -> Moments:
        """Means and deviations `(n,)` of classes, computed where they aren't known yet."""
        found = self.statistics.moments_of(class_ids)
        unknown = np.unique(class_ids[np.isnan(found.means)])
        if unknown.size:
            self.statistics.update(statistics_of(self.index, self.table, self.cohort(), unknown))
            found = self.statistics.moments_of(class_ids)
        return found

    def _drifted(self, examples: int) -> None:
        """Count examples that came, went or moved since the cohort was drawn."""
        self._cohort_drift += examples

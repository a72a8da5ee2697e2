"""All that ranking and deciding read, as it was at one generation of a gallery.

A decision uses one snapshot from ranking to label, so that no change in between can give it one
class's label with another's score. Following the catalog makes the next snapshot, which shares with
this one whatever has not changed, and then swaps one reference.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np

from ...catalog import Commit
from ...decision import Calibration, Moments
from ...decision.trained_head import TrainedHead
from ...filtering import Filter
from ...indexes import SketchedIndex, VectorReader
from ...projections import Projection
from ...types import Candidate, ClassStatistics, FloatArray, IntArray, Ranking, Space
from ...versioned import IdTable, Overlaid, texts_by_id
from .attributes import AttributeTable
from .cohort import Cohort, Draw, sampled
from .counterexamples import CounterexampleTable
from .examples import ExampleTable
from .local import LocalTable
from .ranking import rank
from .reranking import rerank
from .statistics import MeasuredClasses, statistics_of
from .texts import TextTable

NARROWINGS = 8
"""So many filters' snapshots are kept for the next query with the same one."""

COHORT_DRIFT = 0.05
"""The cohort is drawn anew when so large a share of it has come, gone or moved."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Snapshot:
    """A gallery at one generation; immutable, so any number of threads use it.

    What it computes when first asked (the cohort, statistics of classes that have none) is kept,
    and is the same whoever asks first.

    Attributes:
        generation, commit_id: the gallery's; 0 and nothing for one that exists in memory only.
        space: of the embeddings.
        space_id: the id of the searched space.
        projection: from the embeddings to the searched space.
        index: over the examples' projected vectors, as it was then. One in a database may be ahead;
            what it finds counts only if `examples` knows it.
        examples: the examples' classes.
        labels: the classes' labels, by id.
        attributes: the classes' attributes.
        statistics: the classes' means and deviations in the searched space, `(2,) float64` each.
        pins: thresholds set by the user, by class id.
        calibration: what the computed thresholds rest on.
        target_fpir: the share of strangers that may get a label, in (0, 1).
        kept_head: the Siamese head trained in the searched space, in force or not.
        shipped: `(n, dim) float32`, unit rows of the searched space, that stand for impostors.
        draw: the impostors that classes are compared with.
        local: the examples' local features.
        counterexamples: pictures near to which a class refuses.
        texts: the examples that are texts, which neither index nor `examples` hold.
        of_texts: the examples of this one are texts, whose statistics are against pictures.
        drift: how many examples came, went or moved since they were drawn.
        among: the filter that left these classes; None where all are there.
        moved: why queries are moved to where the pictures sit, a phrase; empty where they aren't.
        computed: moments of classes without statistics, once they were asked for.
        narrowings: what was filtered lately, by filter.
    """

    generation: int
    space: Space
    space_id: str
    projection: Projection
    index: VectorReader
    examples: ExampleTable
    labels: Overlaid[str]
    attributes: AttributeTable
    statistics: IdTable
    pins: Overlaid[float]
    calibration: Calibration
    target_fpir: float
    kept_head: TrainedHead | None
    shipped: FloatArray
    draw: Draw
    commit_id: str = ""
    local: LocalTable = field(default_factory=lambda: LocalTable.of({}))
    counterexamples: CounterexampleTable = field(default_factory=CounterexampleTable.none)
    texts: TextTable = field(default_factory=TextTable.none)
    of_texts: bool = False
    drift: int = 0
    among: Filter | None = None
    moved: str = ""
    computed: dict[int, Moments] = field(default_factory=dict, repr=False)
    narrowings: dict[Filter, Self] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def in_memory(
        cls,
        *,
        space: Space,
        projection: Projection,
        example_ids: IntArray,
        class_ids: IntArray,
        embeddings: FloatArray,
        labels: Mapping[int, str],
        shipped: FloatArray,
        target_fpir: float,
        generation: int = 0,
    ) -> Self:
        """What a gallery of those examples would decide by, not calibrated yet.

        Args:
            example_ids, class_ids: `(n,) int64`.
            embeddings: `(n, dim) float32`, theirs, unit rows, not projected.
            shipped: `(m, dim) float32`: unit embeddings that stand for impostors, not projected.
        """
        index = SketchedIndex(projection.dimension, background=False)
        index.add(example_ids, projection.apply(embeddings))
        index.compact()
        examples = ExampleTable(example_ids, class_ids)
        impostors = projection.apply(shipped)
        return cls(
            generation=generation,
            space=space,
            space_id=space.id if projection.matrix is None else projection.id,
            projection=projection,
            index=index.reader(),
            examples=examples,
            labels=texts_by_id(labels),
            attributes=AttributeTable({}),
            statistics=no_statistics(),
            pins=Overlaid({}),
            calibration=Calibration.empty(),
            target_fpir=target_fpir,
            kept_head=None,
            shipped=impostors,
            draw=Draw.of(index.reader(), examples, impostors, sampled(examples.ids())),
        )

    @property
    def commit(self) -> Commit:
        """The catalog's commit that it is of."""
        return Commit(self.generation, self.commit_id)

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.labels)

    @cached_property
    def level(self) -> float:
        """The least normalised score that is accepted."""
        return self.calibration.level(self.target_fpir, self.classes)

    @cached_property
    def cited(self) -> str:
        """What decisions rest on, in a phrase for each of them to cite."""
        phrase = self.calibration.describe(self.target_fpir, self.classes)
        if self.head is not None:
            phrase += "; ranked by similarity and Siamese head"
        if self.among is not None:
            phrase += f"; among the classes with {self.among}"
        return f"{phrase}; {self.moved}" if self.moved else phrase

    @property
    def head(self) -> TrainedHead | None:
        """The Siamese head in force."""
        return self.kept_head if self.kept_head is not None and self.kept_head.active else None

    @property
    def cohort(self) -> Cohort:
        """The impostors that classes are compared with."""
        return self.draw.cohort()

    @property
    def kinds(self) -> tuple[Snapshot, ...]:
        """The gallery by kinds of examples, which are ranked and measured apart.

        Its pictures first, and where there are any its texts: the same classes, with these for
        examples.
        """
        return self._apart if len(self.texts) else (self,)

    def kind_of(self, candidate: Candidate) -> Snapshot:
        """That of the kinds which a candidate was found by."""
        return self.kinds[candidate.text is not None]

    @cached_property
    def _apart(self) -> tuple[Snapshot, Snapshot]:
        table, draw = self.texts, self.draw
        texts = dataclasses.replace(
            self,
            index=table.index,
            examples=table.examples,
            statistics=no_statistics(),
            kept_head=None,
            draw=Draw(lambda: draw.cohort().of_texts(table.words, table.beside)),
            local=LocalTable.of({}),
            texts=TextTable.none(),
            of_texts=True,
            computed={},
        )
        return dataclasses.replace(self, texts=TextTable.none()), texts

    def with_head(self, head: TrainedHead | None) -> Self:
        """The same with another head in force, or with none."""
        forced = None if head is None else dataclasses.replace(head, active=True)
        return dataclasses.replace(self, kept_head=forced)

    def with_cohort(self, example_ids: IntArray) -> Self:
        """The same, compared with impostors drawn anew: those examples, `(n,) int64`."""
        draw = Draw.of(self.index, self.examples, self.shipped, example_ids)
        return dataclasses.replace(self, draw=draw, drift=0)

    def with_statistics(self, found: MeasuredClasses) -> Self:
        """The same with statistics of some classes in the place of those that it had."""
        updated = self.statistics.updated(found.class_ids, found.moments)
        return dataclasses.replace(self, statistics=updated)

    def with_computed(self) -> Self:
        """The same with what was computed so far among the statistics, to be gone on with."""
        computed = dict(self.computed)
        rows = np.array(list(computed.values()), np.float64).reshape(-1, 2)
        ids = np.fromiter(computed, np.int64, len(computed))
        return dataclasses.replace(self, statistics=self.statistics.updated(ids, rows), computed={})

    def narrowed(self, wanted: Filter) -> Self:
        """The same gallery of which only the classes that a filter keeps are searched.

        Their thresholds rest on what the whole gallery knows: statistics, calibration, impostors.

        Raises:
            FilterError: no class has such an attribute.
        """
        found = self.narrowings.get(wanted)
        if found is None:
            if self.labels:
                self.attributes.require(wanted)
            found = self._of_classes(wanted, self.attributes.matching(wanted))
            for old in list(self.narrowings)[: 1 - NARROWINGS]:
                self.narrowings.pop(old, None)
            self.narrowings[wanted] = found
        return found

    def _of_classes(self, wanted: Filter, class_ids: IntArray) -> Self:
        examples = self.examples.within(class_ids)
        labels = {i: self.labels[i] for i in class_ids.tolist() if i in self.labels}
        return dataclasses.replace(
            self,
            index=self.index.among(examples.ids()),
            examples=examples,
            labels=texts_by_id(labels),
            draw=self.draw.within(class_ids),
            local=self.local.within(examples.ids()),
            texts=self.texts.within(class_ids),
            among=wanted,
        )

    def rank(self, queries: FloatArray, k: int) -> list[Ranking]:
        """The k nearest classes of each query `(m, dim) float32`, unit rows, by similarity.

        By pictures alone, or where this is of texts by these alone.
        """
        rankings = rank(self.index, self.examples, self.classes, queries, k)
        if self.of_texts:
            return [dataclasses.replace(ranking, of_texts=True) for ranking in rankings]
        return rankings

    def reranked(self, queries: FloatArray, rankings: list[Ranking]) -> list[Ranking]:
        """Rankings in the order that decisions are made in: the head's, where one is in force."""
        if self.head is None:
            return rankings
        return rerank(self.head.siamese, self.index, queries, rankings)

    def candidates(self, ranking: Ranking, k: int | None = None) -> tuple[Candidate, ...]:
        """The first k of a ranking, by label, of both kinds where both were ranked."""
        ranking = ranking.shown or ranking
        labels, attributes_of, texts = self.labels, self.attributes.of, self.texts.texts
        return tuple(
            [
                Candidate(
                    labels[class_id],
                    similarity,
                    class_id,
                    example_id,
                    attributes_of(class_id),
                    texts.get(example_id),
                )
                for class_id, example_id, similarity in zip(
                    ranking.class_ids[:k].tolist(),
                    ranking.example_ids[:k].tolist(),
                    ranking.similarities[:k].tolist(),
                    strict=True,
                )
            ]
        )

    def class_ids_by_label(self) -> dict[str, int]:
        """Every class's id by its label."""
        return {label: class_id for class_id, label in self.labels.items()}

    def moments_of(self, class_ids: IntArray) -> list[Moments]:
        """Means and deviations of classes `(n,)`, computed where they aren't known yet.

        Not-a-number for a class without examples.
        """
        known = [Moments(*pair) for pair in self.statistics.get(class_ids, np.nan).tolist()]
        if not any(math.isnan(found.mean) for found in known):
            return known
        asked = list(zip(class_ids.tolist(), known, strict=True))
        self._compute({i for i, found in asked if math.isnan(found.mean)})
        return [
            self.computed.get(i, found) if math.isnan(found.mean) else found for i, found in asked
        ]

    def _compute(self, class_ids: set[int]) -> None:
        """See to it that the moments of those classes are among the computed ones."""
        if missing := sorted(class_ids - self.computed.keys()):
            wanted = np.array(missing, np.int64)
            found = statistics_of(self.index, self.examples, self.cohort, wanted)
            self.computed.update({i: Moments(s.mean, s.std) for i, s in found.items()})


def no_statistics() -> IdTable:
    """An empty table of classes' means and deviations."""
    return IdTable(np.empty(0, np.int64), np.empty((0, 2), np.float64))


def entered(statistics: IdTable, found: Mapping[int, ClassStatistics]) -> IdTable:
    """The table with statistics of some classes in the place of those that it had."""
    rows = np.array([(entry.mean, entry.std) for entry in found.values()], np.float64)
    return statistics.updated(np.fromiter(found, np.int64, len(found)), rows.reshape(-1, 2))

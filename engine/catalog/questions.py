"""Single questions to a catalog, each in a transaction of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager

from ..types import (
    Change,
    ClassRecord,
    ClassStatistics,
    ExampleRecord,
    IntArray,
    Reject,
    Space,
    StoredLocalFeatures,
)
from .reading import Reader
from .records import Counts, GalleryState, StatisticsTable, VectorBatch


class Questions(ABC):
    """The methods of `Reader`, where each answer may stand for itself."""

    @abstractmethod
    def read(self) -> AbstractContextManager[Reader]:
        """Several questions to one consistent state; each method below asks a single one."""

    def state(self) -> GalleryState:
        with self.read() as reader:
            return reader.state()

    def counts(self) -> Counts:
        with self.read() as reader:
            return reader.counts()

    def projection(self, projection_id: str) -> bytes:
        with self.read() as reader:
            return reader.projection(projection_id)

    def classes(
        self, *, search: str | None = None, after: str | None = None, limit: int | None = None
    ) -> list[ClassRecord]:
        with self.read() as reader:
            return reader.classes(search=search, after=after, limit=limit)

    def class_by_id(self, class_id: int) -> ClassRecord:
        with self.read() as reader:
            return reader.class_by_id(class_id)

    def class_by_label(self, label: str) -> ClassRecord:
        with self.read() as reader:
            return reader.class_by_label(label)

    def class_id(self, label: str) -> int:
        with self.read() as reader:
            return reader.class_id(label)

    def labels(self, class_ids: Iterable[int] | None = None) -> dict[int, str]:
        with self.read() as reader:
            return reader.labels(class_ids)

    def examples(
        self, class_id: int | None = None, ids: Iterable[int] | None = None
    ) -> list[ExampleRecord]:
        with self.read() as reader:
            return reader.examples(class_id, ids)

    def iter_examples(
        self, *, origin: str | None = None, after_id: int = 0
    ) -> Iterator[ExampleRecord]:
        with self.read() as reader:
            yield from reader.iter_examples(origin=origin, after_id=after_id)

    def example_classes(self) -> tuple[IntArray, IntArray]:
        with self.read() as reader:
            return reader.example_classes()

    def iter_vectors(
        self, space_id: str, *, after_id: int = 0, batch: int = 4096
    ) -> Iterator[VectorBatch]:
        with self.read() as reader:
            yield from reader.iter_vectors(space_id, after_id=after_id, batch=batch)

    def vectors(self, space_id: str, ids: Iterable[int]) -> VectorBatch:
        with self.read() as reader:
            return reader.vectors(space_id, ids)

    def picture(self, example_id: int) -> bytes | None:
        with self.read() as reader:
            return reader.picture(example_id)

    def without_embedding(self, space_id: str) -> tuple[list[int], list[int]]:
        with self.read() as reader:
            return reader.without_embedding(space_id)

    def local_features(self, ids: Iterable[int]) -> dict[int, StoredLocalFeatures]:
        with self.read() as reader:
            return reader.local_features(ids)

    def iter_local_features(self) -> Iterator[tuple[int, StoredLocalFeatures]]:
        with self.read() as reader:
            yield from reader.iter_local_features()

    def without_local_features(self, extractor: str) -> tuple[list[int], list[int]]:
        with self.read() as reader:
            return reader.without_local_features(extractor)

    def former_space(self) -> Space | None:
        with self.read() as reader:
            return reader.former_space()

    def origins(self) -> list[str]:
        with self.read() as reader:
            return reader.origins()

    def find_content(self, content_hash: str) -> list[ExampleRecord]:
        with self.read() as reader:
            return reader.find_content(content_hash)

    def find_contents(self, content_hashes: Iterable[str]) -> list[ExampleRecord]:
        with self.read() as reader:
            return reader.find_contents(content_hashes)

    def find_sources(self, sources: Iterable[str]) -> list[ExampleRecord]:
        with self.read() as reader:
            return reader.find_sources(sources)

    def known_sources(
        self, sources: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], list[tuple[int, str]]]:
        with self.read() as reader:
            return reader.known_sources(sources)

    def changes_since(
        self, generation: int, *, commit_id: str | None = None
    ) -> list[Change] | None:
        with self.read() as reader:
            return reader.changes_since(generation, commit_id=commit_id)

    def class_statistics(self, searched_space: str) -> dict[int, ClassStatistics]:
        with self.read() as reader:
            return reader.class_statistics(searched_space)

    def statistics_table(self, searched_space: str) -> StatisticsTable:
        with self.read() as reader:
            return reader.statistics_table(searched_space)

    def calibration(self, searched_space: str) -> bytes | None:
        with self.read() as reader:
            return reader.calibration(searched_space)

    def pins(
        self, class_ids: Iterable[int] | None = None, *, searched_space: str | None = None
    ) -> dict[int, float]:
        with self.read() as reader:
            return reader.pins(class_ids, searched_space=searched_space)

    def rejects(self) -> list[Reject]:
        with self.read() as reader:
            return reader.rejects()

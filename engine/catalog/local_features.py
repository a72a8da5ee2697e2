"""The local features that are kept with examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import delete, insert, select

from ..types import ChangeKind, StoredLocalFeatures
from .log import NewCommit
from .models import ExampleRow, LocalFeaturesRow
from .session import Session, chunks, id_chunks
from .spaces import examples_without

_LOCAL = select(
    LocalFeaturesRow.example_id, LocalFeaturesRow.extractor, LocalFeaturesRow.data.label("data")
).order_by(LocalFeaturesRow.example_id)


class LocalFeatureReading:
    """Questions about local features."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, ids: Iterable[int]) -> dict[int, StoredLocalFeatures]:
        """The local features of the given examples, by id; those that have none are left out."""
        return {
            row.example_id: StoredLocalFeatures(row.extractor, row.data)
            for chunk in id_chunks(sorted(ids))
            for row in self._session.execute(_LOCAL.where(LocalFeaturesRow.example_id.in_(chunk)))
        }

    def lacking(self, extractor: str) -> tuple[list[int], list[int]]:
        """The ids of examples that have no local features of an extractor.

        Returns:
            Those whose pictures are kept, and those whose are not.
        """
        row = LocalFeaturesRow
        extracted = select(row.example_id).where(row.extractor == extractor)
        return examples_without(self._session, extracted)


class LocalFeatureWriting:
    """Changes of local features."""

    def __init__(self, session: Session, commit: NewCommit) -> None:
        self._session, self._commit = session, commit

    def put(self, features: Mapping[int, StoredLocalFeatures]) -> None:
        """Keep local features of examples, by id, in place of earlier ones.

        Examples that are not there are passed over.
        """
        there: dict[int, int] = {}
        for chunk in chunks(features):
            query = select(ExampleRow.id, ExampleRow.class_id).where(ExampleRow.id.in_(chunk))
            there |= {row[0]: row[1] for row in self._session.execute(query)}
        self.drop(there)
        self.insert({example_id: features[example_id] for example_id in there})

    def drop(self, classes: Mapping[int, int]) -> None:
        """Remove the local features of examples, given with their classes' ids.

        What follows the log hears of it as if each had been added.
        """
        row = LocalFeaturesRow
        for chunk in chunks(classes):
            former = self._session.execute(delete(row).where(row.example_id.in_(chunk)))
            self._commit.removed = former.rowcount > 0 or self._commit.removed
        for example_id, class_id in classes.items():
            self._commit.record(ChangeKind.ADD, class_id, example_id)

    def insert(self, features: Mapping[int, StoredLocalFeatures]) -> None:
        """Keep local features of examples, by id, that have none yet."""
        if features:
            self._session.execute(
                insert(LocalFeaturesRow),
                [
                    {"example_id": example_id, "extractor": each.extractor, "bytes": each.data}
                    for example_id, each in features.items()
                ],
            )

"""Writing classes: making, renaming, merging, removing them, and what is set on them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, insert, select, update

from ..errors import ClassExistsError, GalleryError
from ..types import ChangeKind, ClassRecord, ClassStatistics
from .class_reading import PIN_SCALE
from .labels import normalised_label
from .models import ClassRow, ClassStatisticsRow, ExampleRow
from .service.models import FeedbackRow
from .view import CHUNK, chunks, is_finite
from .writer import Writer


class ClassWriting(Writer):
    """Changes of classes. A class's id that is not there raises ClassNotFoundError."""

    def add_class(self, label: str, attributes: Mapping[str, Any] | None = None) -> int:
        """Make a class and return its id.

        Raises:
            ClassExistsError: there is one of that label.
            LabelError: it can't be a label.
        """
        label = normalised_label(label)
        self._refuse_existing(label)
        return self.ensure_class(label, attributes)

    def ensure_class(self, label: str, attributes: Mapping[str, Any] | None = None) -> int:
        """The id of the class, made if absent; `attributes` are merged into its own.

        Raises:
            LabelError: it can't be a label.
        """
        [class_id] = self.ensure_classes({label: attributes or {}}).values()
        return class_id

    def ensure_classes(self, classes: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
        """`ensure_class` for many at once: attributes by label in, ids by normalised label out."""
        wanted: dict[str, dict[str, Any]] = {}
        for given, attributes in classes.items():
            label = normalised_label(given)
            wanted.setdefault(label, {}).update(_json_object(label, attributes))
        ids = self.class_ids(wanted)
        self._merge_attributes({ids[label]: wanted[label] for label in ids if wanted[label]})
        new = [
            {
                "label": label,
                "attributes": attributes,
                "created_at": self._now,
                "updated_at": self._now,
            }
            for label, attributes in wanted.items()
            if label not in ids
        ]
        if new:
            made = insert(ClassRow).returning(ClassRow.label, ClassRow.id)
            for label, class_id in self._execute(made, new).all():
                ids[label] = class_id
                self._touched.add(class_id)
                self._record(ChangeKind.ADD, class_id)
        return ids

    def rename_class(self, class_id: int, new_label: str) -> None:
        """Raises ClassExistsError, LabelError."""
        label = normalised_label(new_label)
        former = self.class_by_id(class_id).label
        if former == label:
            return
        self._refuse_existing(label)
        self._update_class(class_id, label=label)
        self._move_feedback(former, label)
        self._record(ChangeKind.RENAME, class_id)

    def merge_classes(self, source_ids: Iterable[int], into_id: int) -> None:
        """Move the examples of classes to another and remove those classes.

        A picture that the other class has already is dropped. Attributes that only a removed class
        has are taken over, its pinned threshold is not.
        """
        into = self.class_by_id(into_id)
        attributes = dict(into.attributes)
        sources = [self.class_by_id(i) for i in dict.fromkeys(source_ids) if i != into_id]
        known = {example.content_hash for example in self.examples(into_id)}
        for source in sources:
            attributes = {**source.attributes, **attributes}
            moved = [e for e in self.examples(source.id) if e.content_hash not in known]
            known.update(example.content_hash for example in moved)
            for chunk in chunks(example.id for example in moved):
                moving = update(ExampleRow).where(ExampleRow.id.in_(chunk))
                self._execute(moving.values(class_id=into_id))
            for example in moved:
                self._record(ChangeKind.MOVE, into_id, example.id)
            self.remove_class(source.id)
            self._move_feedback(source.label, into.label)
        if sources:
            self._put_attributes(into, attributes)

    def remove_class(self, class_id: int) -> None:
        """Remove a class with its examples, their pictures and vectors."""
        self.class_by_id(class_id)
        ids = self._execute(select(ExampleRow.id).where(ExampleRow.class_id == class_id))
        for example_id in sorted(ids.scalars()):
            self._record(ChangeKind.REMOVE, class_id, example_id)
        self._execute(delete(ClassRow).where(ClassRow.id == class_id))
        self._record(ChangeKind.REMOVE, class_id)
        self.removed = True

    def _move_feedback(self, label: str, to: str) -> None:
        """Let what people said about a class count for the class that has its pictures now."""
        for column in (FeedbackRow.label, FeedbackRow.decided):
            self._execute(update(FeedbackRow).where(column == label).values({column: to}))

    def remove_class_if_empty(self, class_id: int) -> bool:
        """Remove a class that has no example left; returns whether that was so."""
        empty = self.class_by_id(class_id).examples == 0
        if empty:
            self.remove_class(class_id)
        return empty

    def set_attributes(self, class_id: int, attributes: Mapping[str, Any]) -> None:
        """Replace a class's attributes."""
        record = self.class_by_id(class_id)
        self._put_attributes(record, _json_object(record.label, attributes))

    def pin_threshold(self, class_id: int, value: float | None, searched_space: str) -> None:
        """Fix a class's threshold in a searched space, or with None let it be computed again.

        Raises:
            GalleryError: it is no number from 0 to 1.
        """
        label = self.class_by_id(class_id).label
        if value is not None and not (is_finite(value) and 0 <= value <= 1):
            raise GalleryError(
                f"the threshold of {label!r} must be a number from 0 to 1, but got {value!r}"
            )
        space = None if value is None else searched_space + PIN_SCALE
        self._update_class(class_id, pinned_threshold=value, pinned_space=space)
        self._record(ChangeKind.PIN, class_id)

    def put_class_statistics(
        self, searched_space: str, statistics: Mapping[int, ClassStatistics]
    ) -> None:
        """Store statistics by class id, in place of earlier ones of the same classes.

        Those of classes that are gone meanwhile are left out. The log names the classes where they
        are few; else it says that all may have changed.
        """
        row = ClassStatisticsRow
        present = list(self.labels(statistics))
        for class_id in present if len(present) <= CHUNK else [None]:
            self._record(ChangeKind.CALIBRATE, class_id)
        for chunk in chunks(present):
            former = delete(row).where(row.space_id == searched_space, row.class_id.in_(chunk))
            self._execute(former)
            self._execute(
                insert(row),
                [
                    {
                        "class_id": class_id,
                        "space_id": searched_space,
                        "mean": statistics[class_id].mean,
                        "std": statistics[class_id].std,
                        "cohort_size": statistics[class_id].cohort_size,
                    }
                    for class_id in chunk
                ],
            )

    def _refuse_existing(self, label: str) -> None:
        if self.class_ids([label]):
            raise ClassExistsError(
                f"there is already a class {label!r}; choose another label, or merge the classes"
            )

    def _update_class(self, class_id: int, **values: Any) -> None:
        self._execute(update(ClassRow).where(ClassRow.id == class_id).values(**values))
        self._touch([class_id])

    def _merge_attributes(self, news: Mapping[int, Mapping[str, Any]]) -> None:
        for chunk in chunks(news):
            query = select(ClassRow.id, ClassRow.attributes).where(ClassRow.id.in_(chunk))
            for class_id, present in self._execute(query).all():
                merged = {**present, **news[class_id]}
                if merged != present:
                    self._update_class(class_id, attributes=merged)
                    self._record(ChangeKind.ATTRIBUTES, class_id)

    def _put_attributes(self, record: ClassRecord, attributes: dict[str, Any]) -> None:
        self._update_class(record.id, attributes=attributes)
        if attributes != record.attributes:
            self._record(ChangeKind.ATTRIBUTES, record.id)


def _json_object(label: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(dict(attributes), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise GalleryError(
            f"the attributes of class {label!r} must be JSON values, but {error}; "
            "use text, finite numbers, booleans, null, lists and objects"
        ) from error
    return dict(attributes)

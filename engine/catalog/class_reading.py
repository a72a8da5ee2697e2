"""Reading classes: their labels, attributes, pinned thresholds and statistics."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import numpy as np
from sqlalchemy import Select, Text, case, cast, collate, func, not_, select

from ..errors import ClassNotFoundError, LabelError
from ..types import ClassRecord, ClassStatistics
from .labels import known_label, normalised_label, storable
from .models import ClassRow, ClassStatisticsRow, ExampleRow
from .records import StatisticsTable
from .view import RAW_BATCH, View, bounded_limit, can_be_id, chunks, id_chunks

_SIMILAR_LABELS = 5000  # how many labels a typo is compared with: those of most similar length

PIN_SCALE = ":1"
"""Ends the space of a pin that is a number from 0 to 1; former ones, on each class's own scale,
have no such end, and are as good as not there."""

_IN_FORCE = ClassRow.pinned_space.endswith(PIN_SCALE)

_CLASSES = select(
    ClassRow.id,
    ClassRow.label,
    ClassRow.attributes,
    ClassRow.created_at,
    ClassRow.updated_at,
    case((_IN_FORCE, ClassRow.pinned_threshold)),
    select(func.count())
    .where(ExampleRow.class_id == ClassRow.id)
    .correlate(ClassRow)
    .scalar_subquery(),
)


class ClassReading(View):
    """Questions about classes. Ids and labels that are not there are left out of results."""

    def classes(
        self, *, search: str | None = None, after: str | None = None, limit: int | None = None
    ) -> list[ClassRecord]:
        """Classes by label, by code point; `after` is the last label of the page before.

        `search` keeps the labels that contain it, whatever the case of their letters.
        """
        query = _CLASSES.order_by(ClassRow.label).limit(bounded_limit(limit))
        if search is not None:
            # PostgreSQL lowers by the collation; that of labels knows ASCII's letters only.
            server = self._connection.dialect.name == "postgresql"
            label = collate(ClassRow.label, "default") if server else ClassRow.label
            lowered = func.lower(label)
            query = query.where(lowered.contains(search.lower(), autoescape=True))
        if after is not None:
            query = query.where(ClassRow.label > after)
        return [ClassRecord(*row) for row in self._execute(query)]

    def class_by_id(self, class_id: int) -> ClassRecord:
        """Raises ClassNotFoundError."""
        query = _CLASSES.where(ClassRow.id == class_id)
        row = self._execute(query).first() if can_be_id(class_id) else None
        if row is None:
            raise ClassNotFoundError(f"there is no class with the id {class_id}; list the classes")
        return ClassRecord(*row)

    def class_by_label(self, label: str) -> ClassRecord:
        """Raises ClassNotFoundError, which names labels much like it, and LabelError."""
        return self.class_by_id(self.class_id(label))

    def class_id(self, label: str) -> int:
        """Raises ClassNotFoundError, which names labels much like it, and LabelError."""
        label = self._known_label(label)
        ids = self.class_ids([label])
        if not ids:
            similar = self._similar_labels(label)
            hint = f"did you mean {' or '.join(map(repr, similar))}?" if similar else "list them"
            raise ClassNotFoundError(f"there is no class {label!r}; {hint}")
        return ids[label]

    def _known_label(self, label: str) -> str:
        """`label` as a class may have it; one of an earlier version's may break today's rules."""
        try:
            return normalised_label(label)
        except LabelError:
            known = known_label(label) if isinstance(label, str) else ""
            if not storable(known) or not self.class_ids([known]):
                raise
            return known

    def class_ids(self, labels: Iterable[str]) -> dict[str, int]:
        """Ids by label, for the normalised `labels` that are classes."""
        found: dict[str, int] = {}
        for chunk in chunks(labels):
            query = select(ClassRow.label, ClassRow.id).where(ClassRow.label.in_(chunk))
            found.update({row[0]: row[1] for row in self._execute(query)})
        return found

    def labels(self, class_ids: Iterable[int] | None = None) -> dict[int, str]:
        """Labels by class id, of the given classes or of all."""
        return self._texts(select(ClassRow.id, ClassRow.label), class_ids)

    def attributes(self, class_ids: Iterable[int] | None = None) -> dict[int, str]:
        """Attributes as JSON text by class id, of the given classes or of all, if they have any."""
        text = cast(ClassRow.attributes, Text)
        return self._texts(select(ClassRow.id, text).where(text != "{}"), class_ids)

    def _texts(
        self, query: Select[*tuple[Any, ...]], class_ids: Iterable[int] | None
    ) -> dict[int, str]:
        """One text a class, of the given classes or, read without objects in between, of all."""
        if class_ids is None:
            found: dict[int, str] = {}
            for rows in self._raw(query, RAW_BATCH):
                found.update(rows)  # type: ignore[arg-type]  # pairs
            return found
        return {
            row[0]: row[1]
            for chunk in id_chunks(class_ids)
            for row in self._execute(query.where(ClassRow.id.in_(chunk)))
        }

    def pins(
        self, class_ids: Iterable[int] | None = None, *, searched_space: str | None = None
    ) -> dict[int, float]:
        """Pinned thresholds by class id, of the given classes or of all.

        Given a searched space, only those that were pinned in it.
        """
        query = select(ClassRow.id, ClassRow.pinned_threshold)
        query = query.where(ClassRow.pinned_threshold.is_not(None), _IN_FORCE)
        if searched_space is not None:
            query = query.where(ClassRow.pinned_space == searched_space + PIN_SCALE)
        if class_ids is None:
            return {row[0]: row[1] for row in self._execute(query)}
        return {
            row[0]: row[1]
            for chunk in id_chunks(class_ids)
            for row in self._execute(query.where(ClassRow.id.in_(chunk)))
        }

    def pins_of_former_scale(self) -> int:
        """How many thresholds were pinned before they were numbers from 0 to 1."""
        query = select(func.count()).select_from(ClassRow)
        query = query.where(ClassRow.pinned_threshold.is_not(None), not_(_IN_FORCE))
        return int(self._execute(query).scalar_one())

    def class_statistics(
        self, searched_space: str, class_ids: Iterable[int] | None = None
    ) -> dict[int, ClassStatistics]:
        """Statistics by class id, of all classes or of the given ones; not all have any."""
        row = ClassStatisticsRow
        query = select(row.class_id, row.mean, row.std, row.cohort_size)
        query = query.where(row.space_id == searched_space)
        if class_ids is None:
            queries = [query]
        else:
            queries = [query.where(row.class_id.in_(chunk)) for chunk in id_chunks(class_ids)]
        return {
            found[0]: ClassStatistics(*found[1:])
            for query in queries
            for found in self._execute(query)
        }

    def statistics_table(self, searched_space: str) -> StatisticsTable:
        """`class_statistics` as arrays, without the sizes of cohorts, in no order."""
        row = ClassStatisticsRow
        query = select(row.class_id, row.mean, row.std).where(row.space_id == searched_space)
        class_ids, means, stds = self._numbers(query, 3)
        return StatisticsTable(class_ids.astype(np.int64), means, stds)

    def _similar_labels(self, label: str) -> list[str]:
        distance = func.abs(func.length(ClassRow.label) - len(label))
        query = select(ClassRow.label).order_by(distance, ClassRow.label).limit(_SIMILAR_LABELS)
        by_lower = {text.lower(): text for text in self._execute(query).scalars()}
        matches = difflib.get_close_matches(label.lower(), by_lower, n=3)
        return [by_lower[match] for match in matches]

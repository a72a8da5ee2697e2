"""Classes: their labels, attributes and pinned thresholds."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    Select,
    Text,
    case,
    cast,
    collate,
    delete,
    func,
    insert,
    select,
    update,
)

from ..errors import ClassExistsError, ClassNotFoundError, GalleryError, LabelError
from ..types import ChangeKind, ClassRecord
from .labels import known_label, normalised_label, storable
from .log import NewCommit
from .models import ClassRow, CounterexampleRow, ExampleRow
from .service.models import FeedbackRow
from .session import (
    Session,
    bounded_limit,
    can_be_id,
    chunks,
    id_chunks,
    is_finite,
)
from .whole import PIN_SCALE, WholeReading

_SIMILAR_LABELS = 5000  # how many labels a typo is compared with: those of most similar length

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


class ClassReading:
    """Questions about classes. Ids and labels that are not there are left out of results."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def listed(
        self, *, search: str | None = None, after: str | None = None, limit: int | None = None
    ) -> list[ClassRecord]:
        """Classes by label, by code point; `after` is the last label of the page before.

        `search` keeps the labels that contain it, whatever the case of their letters.
        """
        query = _CLASSES.order_by(ClassRow.label).limit(bounded_limit(limit))
        if search is not None:
            # PostgreSQL lowers by the collation; that of labels knows ASCII's letters only.
            label = (
                collate(ClassRow.label, "default") if self._session.on_server else ClassRow.label
            )
            lowered = func.lower(label)
            query = query.where(lowered.contains(search.lower(), autoescape=True))
        if after is not None:
            query = query.where(ClassRow.label > after)
        return [ClassRecord(*row) for row in self._session.execute(query)]

    def by_id(self, class_id: int) -> ClassRecord:
        """Raises ClassNotFoundError."""
        query = _CLASSES.where(ClassRow.id == class_id)
        row = self._session.execute(query).first() if can_be_id(class_id) else None
        if row is None:
            raise ClassNotFoundError(f"there is no class with the id {class_id}; list the classes")
        return ClassRecord(*row)

    def by_label(self, label: str) -> ClassRecord:
        """Raises ClassNotFoundError, which names labels much like it, and LabelError."""
        return self.by_id(self.id_of(label))

    def id_of(self, label: str) -> int:
        """Raises ClassNotFoundError, which names labels much like it, and LabelError."""
        label = self._known_label(label)
        ids = self.ids([label])
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
            if not storable(known) or not self.ids([known]):
                raise
            return known

    def ids(self, labels: Iterable[str]) -> dict[str, int]:
        """Ids by label, for the normalised `labels` that are classes."""
        found: dict[str, int] = {}
        for chunk in chunks(labels):
            query = select(ClassRow.label, ClassRow.id).where(ClassRow.label.in_(chunk))
            found.update({row[0]: row[1] for row in self._session.execute(query)})
        return found

    def labels(self, class_ids: Iterable[int] | None = None) -> dict[int, str]:
        """Labels by class id, of the given classes or of all."""
        if class_ids is None:
            return dict(WholeReading(self._session).labels())
        return self._of_classes(select(ClassRow.id, ClassRow.label), class_ids)

    def attributes(self, class_ids: Iterable[int]) -> dict[int, str]:
        """The attributes of those of the given classes that have any: JSON text by class id."""
        text = cast(ClassRow.attributes, Text)
        return self._of_classes(select(ClassRow.id, text).where(text != "{}"), class_ids)

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
            return {row[0]: row[1] for row in self._session.execute(query)}
        return self._of_classes(query, class_ids)

    def _of_classes(
        self, query: Select[*tuple[Any, ...]], class_ids: Iterable[int]
    ) -> dict[int, Any]:
        """One value a class, of the given classes."""
        return {
            row[0]: row[1]
            for chunk in id_chunks(class_ids)
            for row in self._session.execute(query.where(ClassRow.id.in_(chunk)))
        }

    def _similar_labels(self, label: str) -> list[str]:
        distance = func.abs(func.length(ClassRow.label) - len(label))
        query = select(ClassRow.label).order_by(distance, ClassRow.label).limit(_SIMILAR_LABELS)
        by_lower = {text.lower(): text for text in self._session.execute(query).scalars()}
        matches = difflib.get_close_matches(label.lower(), by_lower, n=3)
        return [by_lower[match] for match in matches]


class ClassWriting:
    """Changes of classes. A class's id that is not there raises ClassNotFoundError."""

    def __init__(self, session: Session, commit: NewCommit) -> None:
        self._session, self._commit = session, commit
        self._classes = ClassReading(session)

    def add(self, label: str, attributes: Mapping[str, Any] | None = None) -> int:
        """Make a class and return its id.

        Raises:
            ClassExistsError: there is one of that label.
            LabelError: it can't be a label.
        """
        label = normalised_label(label)
        self._refuse_existing(label)
        return self.ensure(label, attributes)

    def ensure(self, label: str, attributes: Mapping[str, Any] | None = None) -> int:
        """The id of the class, made if absent; `attributes` are merged into its own.

        Raises:
            LabelError: it can't be a label.
        """
        [class_id] = self.ensure_all({label: attributes or {}}).values()
        return class_id

    def ensure_all(self, classes: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
        """`ensure` for many at once: attributes by label in, ids by normalised label out."""
        wanted: dict[str, dict[str, Any]] = {}
        for given, attributes in classes.items():
            label = normalised_label(given)
            wanted.setdefault(label, {}).update(_json_object(label, attributes))
        ids = self._classes.ids(wanted)
        self._merge_attributes({ids[label]: wanted[label] for label in ids if wanted[label]})
        new = [
            {
                "label": label,
                "attributes": attributes,
                "created_at": self._commit.now,
                "updated_at": self._commit.now,
            }
            for label, attributes in wanted.items()
            if label not in ids
        ]
        if new:
            made = insert(ClassRow).returning(ClassRow.label, ClassRow.id)
            for label, class_id in self._session.execute(made, new).all():
                ids[label] = class_id
                self._commit.made(class_id)
                self._commit.record(ChangeKind.ADD, class_id)
        return ids

    def rename(self, class_id: int, new_label: str) -> None:
        """Raises ClassExistsError, LabelError."""
        label = normalised_label(new_label)
        former = self._classes.by_id(class_id).label
        if former == label:
            return
        self._refuse_existing(label)
        self._update(class_id, label=label)
        self._move_feedback(former, label)
        self._commit.record(ChangeKind.RENAME, class_id)

    def merge(self, source_ids: Iterable[int], into_id: int) -> None:
        """Move the examples of classes to another and remove those classes.

        A picture that the other class has already is dropped. Attributes that only a removed class
        has are taken over, its pinned threshold is not. Counterexamples go along, save those that
        are examples of the class now.
        """
        into = self._classes.by_id(into_id)
        attributes = dict(into.attributes)
        sources = [self._classes.by_id(i) for i in dict.fromkeys(source_ids) if i != into_id]
        known = {content_hash for _, content_hash, _ in self._contents(into_id)}
        for source in sources:
            attributes = {**source.attributes, **attributes}
            held = self._contents(source.id)
            moved = {i: is_text for i, content, is_text in held if content not in known}
            known.update(content for _, content, _ in held)
            for chunk in chunks(moved):
                moving = update(ExampleRow).where(ExampleRow.id.in_(chunk))
                self._session.execute(moving.values(class_id=into_id))
            for example_id, is_text in moved.items():
                self._commit.example(ChangeKind.MOVE, into_id, example_id, text=is_text)
            self._move_counterexamples(source.id, into_id)
            self.remove(source.id)
            self._move_feedback(source.label, into.label)
        if sources:
            self._drop_contradicted(into_id)
            self._put_attributes(into, attributes)

    def remove(self, class_id: int) -> None:
        """Remove a class with its examples, their pictures and vectors."""
        self._classes.by_id(class_id)
        for example_id, _, is_text in self._contents(class_id):
            self._commit.example(ChangeKind.REMOVE, class_id, example_id, text=is_text)
        self._session.execute(delete(ClassRow).where(ClassRow.id == class_id))
        self._commit.record(ChangeKind.REMOVE, class_id)
        self._commit.removed = True

    def _contents(self, class_id: int) -> list[tuple[int, str, bool]]:
        """The ids and content hashes of a class's examples, by id, and whether they are texts."""
        is_text = ExampleRow.text.is_not(None)
        query = select(ExampleRow.id, ExampleRow.content_hash, is_text).order_by(ExampleRow.id)
        rows = self._session.execute(query.where(ExampleRow.class_id == class_id))
        return [(row[0], row[1], bool(row[2])) for row in rows]

    def _move_counterexamples(self, source_id: int, into_id: int) -> None:
        """What isn't of a class isn't of the class that has its pictures now either."""
        row = CounterexampleRow
        held = select(row.content_hash).where(row.class_id == into_id)
        moving = update(row).where(row.class_id == source_id, row.content_hash.not_in(held))
        if self._session.execute(moving.values(class_id=into_id)).rowcount:
            self._commit.record(ChangeKind.COUNTEREXAMPLE, into_id)

    def _drop_contradicted(self, class_id: int) -> None:
        """Remove the counterexamples of a class that are examples of it."""
        row = CounterexampleRow
        own = select(ExampleRow.content_hash).where(ExampleRow.class_id == class_id)
        dropping = delete(row).where(row.class_id == class_id, row.content_hash.in_(own))
        if self._session.execute(dropping).rowcount:
            self._commit.record(ChangeKind.COUNTEREXAMPLE, class_id)
            self._commit.removed = True

    def _move_feedback(self, label: str, to: str) -> None:
        """Let what people said about a class count for the class that has its pictures now."""
        for column in (FeedbackRow.label, FeedbackRow.decided):
            self._session.execute(update(FeedbackRow).where(column == label).values({column: to}))

    def remove_if_empty(self, class_id: int) -> bool:
        """Remove a class that has no example left; returns whether that was so."""
        empty = self._classes.by_id(class_id).examples == 0
        if empty:
            self.remove(class_id)
        return empty

    def set_attributes(self, class_id: int, attributes: Mapping[str, Any]) -> None:
        """Replace a class's attributes."""
        record = self._classes.by_id(class_id)
        self._put_attributes(record, _json_object(record.label, attributes))

    def pin_threshold(self, class_id: int, value: float | None, searched_space: str) -> None:
        """Fix a class's threshold in a searched space, or with None let it be computed again.

        Raises:
            GalleryError: it is no number from 0 to 1.
        """
        label = self._classes.by_id(class_id).label
        if value is not None and not (is_finite(value) and 0 <= value <= 1):
            raise GalleryError(
                f"the threshold of {label!r} must be a number from 0 to 1, but got {value!r}"
            )
        space = None if value is None else searched_space + PIN_SCALE
        self._update(class_id, pinned_threshold=value, pinned_space=space)
        self._commit.record(ChangeKind.PIN, class_id)

    def _refuse_existing(self, label: str) -> None:
        if self._classes.ids([label]):
            raise ClassExistsError(
                f"there is already a class {label!r}; choose another label, or merge the classes"
            )

    def _update(self, class_id: int, **values: Any) -> None:
        self._session.execute(update(ClassRow).where(ClassRow.id == class_id).values(**values))
        self._commit.touch([class_id])

    def _merge_attributes(self, news: Mapping[int, Mapping[str, Any]]) -> None:
        for chunk in chunks(news):
            query = select(ClassRow.id, ClassRow.attributes).where(ClassRow.id.in_(chunk))
            for class_id, present in self._session.execute(query).all():
                merged = {**present, **news[class_id]}
                if merged != present:
                    self._update(class_id, attributes=merged)
                    self._commit.record(ChangeKind.ATTRIBUTES, class_id)

    def _put_attributes(self, record: ClassRecord, attributes: dict[str, Any]) -> None:
        self._update(record.id, attributes=attributes)
        if attributes != record.attributes:
            self._commit.record(ChangeKind.ATTRIBUTES, record.id)


def _json_object(label: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(dict(attributes), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise GalleryError(
            f"the attributes of class {label!r} must be JSON values, but {error}; "
            "use text, finite numbers, booleans, null, lists and objects"
        ) from error
    return dict(attributes)

"""Writing a catalog: rows, change-log entries and the new generation, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, func, insert, select, update

from engine.catalog.labels import normalize_label
from engine.catalog.models import (
    ChangeRow,
    ClassRow,
    ClassStatisticsRow,
    EmbeddingRow,
    ExampleRow,
    GalleryRow,
    PictureRow,
    ProjectionRow,
    RejectRow,
    SpaceRow,
)
from engine.catalog.reading import Reader, chunks
from engine.catalog.records import UNIT_TOLERANCE, StoredProjection, encode_vectors
from engine.errors import (
    ClassExistsError,
    ExampleNotFoundError,
    GalleryError,
    SpaceMismatchError,
)
from engine.types import (
    ChangeKind,
    ClassStatistics,
    FloatArray,
    NewExample,
    Reject,
    Space,
)


class Transaction(Reader):
    """The only writer while its transaction lasts; it reads what it wrote.

    Attributes:
        generation: under which the transaction's changes commit. A transaction that changes
            nothing that recognition rests on leaves the gallery's generation as it was.
        removed: whether pictures or vectors were removed, which must leave the files too.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        # The row is locked first, so that generations commit in order where ids would not.
        query = select(GalleryRow.generation).with_for_update()
        self.generation = connection.execute(query).scalar_one() + 1
        self.removed = False
        self._now = datetime.now(UTC)
        self._changed = False
        self._log: list[dict[str, Any]] = []

    def finish(self) -> None:
        """Write the change log and the generation; called once, before the commit."""
        if self._log:
            self._connection.execute(insert(ChangeRow), self._log)
        if self._changed:
            self._connection.execute(update(GalleryRow).values(generation=self.generation))

    def add_class(self, label: str, attributes: Mapping[str, Any] | None = None) -> int:
        """Make a class and return its id.

        Raises:
            ClassExistsError: there is one of that label.
            LabelError: it can't be a label.
        """
        label = normalize_label(label)
        self._refuse_existing(label)
        return self.ensure_classes({label: attributes or {}})[label]

    def ensure_class(self, label: str, attributes: Mapping[str, Any] | None = None) -> int:
        """The id of the class, made if absent; `attributes` are merged into its own."""
        label = normalize_label(label)
        return self.ensure_classes({label: attributes or {}})[label]

    def ensure_classes(self, classes: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
        """`ensure_class` for many at once: attributes by label in, ids by normalized label out."""
        wanted: dict[str, dict[str, Any]] = {}
        for label, attributes in classes.items():
            wanted.setdefault(normalize_label(label), {}).update(attributes)
        for label, merged in wanted.items():
            _require_json(label, merged)
        ids = self.class_ids(wanted)
        self._merge_attributes({ids[label]: wanted[label] for label in wanted if label in ids})
        rows = [
            {
                "label": label,
                "attributes": attributes,
                "created_at": self._now,
                "updated_at": self._now,
            }
            for label, attributes in wanted.items()
            if label not in ids
        ]
        if rows:
            made = self._connection.execute(
                insert(ClassRow).returning(ClassRow.label, ClassRow.id), rows
            )
            for label, class_id in made:
                ids[label] = class_id
                self._record(ChangeKind.ADD, class_id)
        return ids

    def rename_class(self, class_id: int, new_label: str) -> None:
        """Raises ClassNotFoundError, ClassExistsError, LabelError."""
        label = normalize_label(new_label)
        if self.class_by_id(class_id).label == label:
            return
        self._refuse_existing(label)
        self._update_class(class_id, label=label)
        self._record(ChangeKind.RENAME, class_id)

    def merge_classes(self, source_ids: Iterable[int], into_id: int) -> None:
        """Move the examples of classes to another and remove those classes.

        A picture that the other class has already is dropped. Attributes that only a removed class
        has are taken over; its pinned threshold is not.

        Raises:
            ClassNotFoundError: one of them is not there.
        """
        into = self.class_by_id(into_id)
        attributes = dict(into.attributes)
        sources = [self.class_by_id(i) for i in dict.fromkeys(source_ids) if i != into_id]
        known = {example.content_hash for example in self.examples(into_id)}
        for source in sources:
            attributes = {**source.attributes, **attributes}
            moved = []
            for example in self.examples(source.id):
                if example.content_hash not in known:
                    known.add(example.content_hash)
                    moved.append(example.id)
            for chunk in chunks(moved):
                self._connection.execute(
                    update(ExampleRow).where(ExampleRow.id.in_(chunk)).values(class_id=into_id)
                )
            for example_id in moved:
                self._record(ChangeKind.MOVE, into_id, example_id)
            self.remove_class(source.id)
        if sources:
            self._update_class(into_id, attributes=attributes)

    def remove_class(self, class_id: int) -> None:
        """Remove a class with its examples. Raises ClassNotFoundError."""
        self.class_by_id(class_id)
        for example in self.examples(class_id):
            self._record(ChangeKind.REMOVE, class_id, example.id)
        self._connection.execute(delete(ClassRow).where(ClassRow.id == class_id))
        self._record(ChangeKind.REMOVE, class_id)
        self.removed = True

    def set_attributes(self, class_id: int, attributes: Mapping[str, Any]) -> None:
        """Replace a class's attributes. Raises ClassNotFoundError."""
        label = self.class_by_id(class_id).label
        self._update_class(class_id, attributes=_require_json(label, attributes))

    def pin_threshold(self, class_id: int, value: float | None, searched_space: str) -> None:
        """Fix a class's threshold in a searched space, or with None let it be computed again.

        Raises:
            ClassNotFoundError: it is not there.
        """
        self.class_by_id(class_id)
        space = None if value is None else searched_space
        self._update_class(class_id, pinned_threshold=value, pinned_space=space)
        self._record(ChangeKind.PIN, class_id)

    def add_example(self, example: NewExample, class_id: int) -> int:
        """Add an example to a class and return its id; see `add_examples`."""
        return self.add_examples([example], [class_id])[0]

    def add_examples(
        self, examples: Sequence[NewExample], class_ids: Sequence[int] | None = None
    ) -> list[int]:
        """Add examples in the gallery's space; return their ids in the same order.

        Each goes to the class of `class_ids`, or else to that of its label, made if absent, whose
        attributes are updated. A picture that its class has already keeps its example and id.

        Raises:
            SpaceMismatchError: a vector has another dimension than the gallery's space.
            GalleryError: a vector is not finite or not of unit length.
            ClassNotFoundError: one of `class_ids` is not there.
        """
        if not examples:
            return []
        space = self.state().space
        names = [f"{example.source!r}" for example in examples]
        vectors = _checked_vectors([example.vector for example in examples], space, names)
        if class_ids is None:
            class_ids = self._classes_of(examples)
        keys = list(zip(class_ids, (e.content_hash for e in examples), strict=True))
        ids = self._example_ids(keys)
        new = {key: index for index, key in reversed(list(enumerate(keys))) if key not in ids}
        fresh = sorted(new.values())
        ids.update(self._insert_examples([(keys[i][0], examples[i]) for i in fresh]))
        if fresh:
            self._connection.execute(
                insert(EmbeddingRow),
                [
                    {"example_id": ids[keys[i]], "space_id": space.id, "vector": blob}
                    for i, blob in zip(fresh, encode_vectors(vectors[fresh]), strict=True)
                ],
            )
        pictures = [
            {"example_id": ids[keys[i]], "data": examples[i].picture}
            for i in fresh
            if examples[i].picture is not None
        ]
        if pictures:
            self._connection.execute(insert(PictureRow), pictures)
        self._touch({keys[i][0] for i in fresh})
        return [ids[key] for key in keys]

    def remove_example(self, example_id: int) -> None:
        """Remove an example; its class stays. Raises ExampleNotFoundError."""
        self.remove_examples([example_id])

    def remove_examples(self, example_ids: Iterable[int]) -> None:
        """`remove_example` for many at once."""
        for chunk in chunks(example_ids):
            found = {example.id: example.class_id for example in self.examples(ids=chunk)}
            for example_id in chunk:
                if example_id not in found:
                    raise ExampleNotFoundError(
                        f"there is no example with the id {example_id}; list the class's examples"
                    )
                self._record(ChangeKind.REMOVE, found[example_id], example_id)
            self._connection.execute(delete(ExampleRow).where(ExampleRow.id.in_(chunk)))
            self._touch(set(found.values()))
            self.removed = True

    def put_class_statistics(
        self, searched_space: str, statistics: Mapping[int, ClassStatistics]
    ) -> None:
        """Store statistics by class id, in place of earlier ones of the same classes."""
        row = ClassStatisticsRow
        for chunk in chunks(statistics):
            self._connection.execute(
                delete(row).where(row.space_id == searched_space, row.class_id.in_(chunk))
            )
            self._connection.execute(
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
            self._changed = True

    def put_rejects(self, rejects: Iterable[Reject]) -> None:
        """Note what could not be enrolled, in place of earlier notes on the same sources."""
        reasons = {reject.source: reject.reason for reject in rejects}
        self.clear_rejects(reasons)
        if reasons:
            self._connection.execute(
                insert(RejectRow),
                [
                    {"source": source, "reason": reason, "created_at": self._now}
                    for source, reason in reasons.items()
                ],
            )

    def clear_rejects(self, sources: Iterable[str]) -> None:
        """Forget what was noted on those sources."""
        for chunk in chunks(sources):
            self._connection.execute(delete(RejectRow).where(RejectRow.source.in_(chunk)))

    def set_projection(self, projection: StoredProjection | None) -> None:
        """Search through a projection from now on, or with None through none.

        Raises:
            SpaceMismatchError: it was made for another space than the gallery's.
        """
        if projection is not None:
            active = self.state().space.id
            if projection.space_id != active:
                raise SpaceMismatchError(
                    f"the projection {projection.id} maps the space {projection.space_id}, but the "
                    f"gallery's embeddings are in {active}; fit one to this gallery"
                )
            if self.projection(projection.id) is None:
                self._connection.execute(
                    insert(ProjectionRow).values(
                        id=projection.id,
                        space_id=projection.space_id,
                        kind=projection.kind,
                        payload=projection.payload,
                        created_at=self._now,
                    )
                )
        self._update_gallery(projection_id=projection and projection.id)
        self._record(ChangeKind.SPACE)

    def set_target_fpir(self, target: float) -> None:
        """`target` in (0, 1): the share of strangers that may get a label."""
        if not 0 < target < 1:
            raise GalleryError(f"the target FPIR must be between 0 and 1, but got {target}")
        self._update_gallery(target_fpir=target)
        self._changed = True

    def add_space(self, space: Space) -> None:
        """Make room for embeddings in another space; the active one stays."""
        known = select(SpaceRow.id).where(SpaceRow.id == space.id)
        if self._connection.execute(known).first() is None:
            self._connection.execute(insert(SpaceRow).values(**space_values(space, self._now)))

    def put_embeddings(self, space_id: str, ids: Sequence[int], vectors: FloatArray) -> None:
        """Store examples' vectors, `(n, dim) float32`, unit rows, in place of earlier ones.

        For embedding a gallery anew: `add_space`, this for every example, `set_active_space`.

        Raises:
            SpaceMismatchError: the space was not added, or has another dimension.
            GalleryError: a vector is not finite or not of unit length.
        """
        space = self.space(space_id)
        checked = _checked_vectors(vectors, space, [f"example {i}" for i in ids])
        row = EmbeddingRow
        for chunk in chunks(ids):
            replaced = delete(row).where(row.space_id == space_id, row.example_id.in_(chunk))
            if self._connection.execute(replaced).rowcount:
                self.removed = True
        if len(ids):
            self._connection.execute(
                insert(row),
                [
                    {"example_id": int(i), "space_id": space_id, "vector": blob}
                    for i, blob in zip(ids, encode_vectors(checked), strict=True)
                ],
            )
            self._changed = True

    def set_active_space(self, space_id: str) -> None:
        """Compare in another space from now on; a projection of the former one is put aside.

        Raises:
            SpaceMismatchError: not every example has an embedding in it.
        """
        self.space(space_id)
        embedded = select(func.count()).where(EmbeddingRow.space_id == space_id)
        present = self._connection.execute(embedded).scalar_one()
        missing = self.counts().examples - present
        if missing:
            raise SpaceMismatchError(
                f"{missing} examples have no embedding in the space {space_id}; embed them first"
            )
        self._update_gallery(space_id=space_id, projection_id=None)
        self._record(ChangeKind.SPACE)

    def drop_space(self, space_id: str) -> None:
        """Remove a space with its embeddings and projections.

        Raises:
            SpaceMismatchError: it is the active one, or not there.
        """
        if self.state().space.id == self.space(space_id).id:
            raise SpaceMismatchError(
                f"{space_id} is the gallery's active space; make another the active one first"
            )
        self._connection.execute(delete(SpaceRow).where(SpaceRow.id == space_id))
        self.removed = True

    def trim_changes(self, *, keep: int) -> None:
        """Forget the oldest changes, whole transactions at a time, so that about `keep` stay."""
        query = select(ChangeRow.generation).order_by(ChangeRow.id.desc()).offset(keep).limit(1)
        newest = self._connection.execute(query).scalar_one_or_none()
        if newest is None:
            return
        self._connection.execute(delete(ChangeRow).where(ChangeRow.generation <= newest))
        self._update_gallery(trimmed_generation=newest)

    def _record(
        self, kind: ChangeKind, class_id: int | None = None, example_id: int | None = None
    ) -> None:
        self._changed = True
        self._log.append(
            {
                "generation": self.generation,
                "kind": kind.value,
                "class_id": class_id,
                "example_id": example_id,
            }
        )

    def _refuse_existing(self, label: str) -> None:
        if self.class_ids([label]):
            raise ClassExistsError(
                f"there is already a class {label!r}; choose another label, or merge the classes"
            )

    def _update_gallery(self, **values: Any) -> None:
        self._connection.execute(update(GalleryRow).values(**values))

    def _update_class(self, class_id: int, **values: Any) -> None:
        changed = update(ClassRow).where(ClassRow.id == class_id)
        self._connection.execute(changed.values(updated_at=self._now, **values))

    def _touch(self, class_ids: Iterable[int]) -> None:
        for chunk in chunks(class_ids):
            touched = update(ClassRow).where(ClassRow.id.in_(chunk))
            self._connection.execute(touched.values(updated_at=self._now))

    def _merge_attributes(self, wanted: Mapping[int, Mapping[str, Any]]) -> None:
        news = {class_id: attributes for class_id, attributes in wanted.items() if attributes}
        for chunk in chunks(news):
            query = select(ClassRow.id, ClassRow.attributes).where(ClassRow.id.in_(chunk))
            for class_id, present in self._connection.execute(query).all():
                merged = {**present, **news[class_id]}
                if merged != present:
                    self._update_class(class_id, attributes=merged)

    def _classes_of(self, examples: Sequence[NewExample]) -> list[int]:
        labels = [normalize_label(example.label) for example in examples]
        attributes: dict[str, dict[str, Any]] = {}
        for label, example in zip(labels, examples, strict=True):
            attributes.setdefault(label, {}).update(example.attributes)
        ids = self.ensure_classes(attributes)
        return [ids[label] for label in labels]

    def _example_ids(self, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
        wanted = set(keys)
        row = ExampleRow
        found: dict[tuple[int, str], int] = {}
        for chunk in chunks(content_hash for _, content_hash in keys):
            query = select(row.class_id, row.content_hash, row.id)
            query = query.where(row.content_hash.in_(chunk))
            for class_id, content_hash, example_id in self._connection.execute(query):
                if (class_id, content_hash) in wanted:
                    found[class_id, content_hash] = example_id
        return found

    def _insert_examples(
        self, examples: Sequence[tuple[int, NewExample]]
    ) -> dict[tuple[int, str], int]:
        if not examples:
            return {}
        row = ExampleRow
        statement = insert(row).returning(
            row.class_id, row.content_hash, row.id, sort_by_parameter_order=True
        )
        rows = self._connection.execute(
            statement,
            [
                {
                    "class_id": class_id,
                    "source": example.source,
                    "content_hash": example.content_hash,
                    "width": example.width,
                    "height": example.height,
                    "created_at": self._now,
                    "warnings": list(example.warnings),
                }
                for class_id, example in examples
            ],
        )
        ids: dict[tuple[int, str], int] = {}
        for class_id, content_hash, example_id in rows:
            ids[class_id, content_hash] = example_id
            self._record(ChangeKind.ADD, class_id, example_id)
        return ids


def space_values(space: Space, now: datetime) -> dict[str, Any]:
    """The row of a space."""
    return {
        "id": space.id,
        "backbone": space.backbone,
        "weights_hash": space.weights_hash,
        "preprocessing_hash": space.preprocessing_hash,
        "dimension": space.dimension,
        "created_at": now,
    }


def _require_json(label: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(dict(attributes), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise GalleryError(
            f"the attributes of class {label!r} must be JSON values, but {error}; "
            "use text, finite numbers, booleans, null, lists and objects"
        ) from error
    return dict(attributes)


def _checked_vectors(
    vectors: Sequence[FloatArray] | FloatArray, space: Space, names: Sequence[str]
) -> FloatArray:
    for name, vector in zip(names, vectors, strict=True):
        if vector.shape != (space.dimension,):
            raise SpaceMismatchError(
                f"{name}: expected a vector of {space.dimension} numbers, as {space.backbone} gives "
                f"them, but got the shape {vector.shape}; use the backbone the gallery was made with"
            )
    array = np.asarray(vectors, dtype=np.float32).reshape(-1, space.dimension)
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(array, axis=1)
        wrong = np.flatnonzero(~(np.abs(lengths - 1) <= UNIT_TOLERANCE))
    if len(wrong):
        raise GalleryError(
            f"{names[wrong[0]]}: expected a vector of unit length, but its length is "
            f"{lengths[wrong[0]]}; normalise it, and check the picture and the backbone"
        )
    return array
